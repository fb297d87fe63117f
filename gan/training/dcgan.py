"""The seed paper's training step: two networks, two Adam optimisers, one generator forward pass per iteration."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.foundation.seeds import derive_seed
from gan.networks import dcgan
from gan.training.batches import to_unit_range
from gan.training.graphs import Gradients
from gan.training.trainer import Losses, Trainer


class DCGANTrainer(Trainer):
    """Trains one generator and one discriminator on the images of one diagnosis; losses in nats.

    The discriminator's loss is the sum of those of real and generated images. Its chance level is 2 ln 2.
    """

    latent_size = dcgan.LATENT_SIZE
    generator: dcgan.Generator
    discriminator: dcgan.Discriminator

    def build(self) -> tuple[nn.Module, nn.Module]:
        return dcgan.build(self.settings.size, self.settings.activation, self.seed)

    def draw(self, step: int) -> dict[str, Tensor]:
        return {
            "images": self.processes.share(self.image_indices(0, self.global_batch, step)),
            "z": self.processes.share(self.latents(step)),
        }

    def train_step(self, done: float = 0.0) -> Losses:
        # Dropout draws from the global source, which each process seeds differently.
        torch.manual_seed(derive_seed(self.seed, self.step, 1, self.processes.rank))
        return super().train_step(done)

    def gradients(self, drawn: Mapping[str, Tensor]) -> Gradients:
        real = to_unit_range(self.images[0][drawn["images"]])
        generator_weights = list(self.generator.parameters())
        discriminator_weights = list(self.discriminator.parameters())

        with self.autocast():
            real_logits = self.discriminator(real)
            generated_logits = self.discriminator(self.generator(drawn["z"]))
        discriminator_loss = cross_entropy(real_logits, 1.0) + cross_entropy(generated_logits, 0.0)
        generator_loss = cross_entropy(generated_logits, 1.0)
        # Both losses use one forward pass of the generated images, as in the tutorial. Each backward pass computes
        # only what it needs: the first stops at the discriminator's first layer, the second skips its weights.
        discriminator_gradients = torch.autograd.grad(discriminator_loss, discriminator_weights, retain_graph=True)
        generator_gradients = torch.autograd.grad(generator_loss, generator_weights)
        return Gradients(
            generator_loss.detach(),
            discriminator_loss.detach(),
            list(generator_gradients),
            list(discriminator_gradients),
        )

    def samples(self, z: Tensor, diagnosis: int = 0) -> Tensor:
        """Samples in evaluation mode; the paper averages no weights."""
        self.generator.eval()
        with torch.inference_mode(), self.autocast():
            images = self.generator(z.to(self.device))
        self.generator.train()
        return images.float()

    def score(self, images: Tensor, diagnosis: int = 0) -> Tensor:
        self.discriminator.eval()
        with torch.inference_mode(), self.autocast():
            logits = self.discriminator(to_unit_range(images.to(self.device)))
        self.discriminator.train()
        return logits.float()[:, 0].cpu()


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, target, dtype=torch.float32))
