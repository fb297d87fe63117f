"""R3GAN's training step: relativistic losses and two penalties on gradients, after Huang et al. 2024.

For a real image x, a generated one g and the discriminator D:

    discriminator   softplus(D(g) - D(x)) + gamma / 2 (|grad D(x)|^2 + |grad D(g)|^2)
    generator       softplus(D(x) - D(g))

each averaged over pairs of one diagnosis. Each judges one image by another, so that no generator lowers its loss by
drawing one lesion over and over; the penalties R1 (Mescheder et al. 2018) and R2 make the game converge.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.networks import r3gan
from gan.networks.augmentation import translate
from gan.training.batches import to_unit_range
from gan.training.conditional import ConditionalTrainer
from gan.training.graphs import Gradients

GAMMA = {64: 2.0, 128: 15.0, 256: 100.0}  # first value by size; it falls to a tenth in the end
EASED_OVER = 200_000  # images


class R3GANTrainer(ConditionalTrainer):
    """Trains one generator and one discriminator on all diagnoses, with equal numbers of images of each.

    Losses are in nats, the discriminator's without the penalties. The chance level of both is ln 2.
    """

    latent_size = r3gan.LATENT_SIZE
    generator: r3gan.Generator
    discriminator: r3gan.Discriminator

    def build(self) -> tuple[nn.Module, nn.Module]:
        return r3gan.build(self.settings.size, self.diagnoses, self.seed)

    def draw(self, step: int) -> dict[str, Tensor]:
        return super().draw(step) | {"gamma": torch.tensor(gamma_at(step * self.global_batch, self.settings.size))}

    def gradients(self, drawn: Mapping[str, Tensor]) -> Gradients:
        diagnosis = drawn["labels"]
        generator_weights = list(self.generator.parameters())
        discriminator_weights = list(self.discriminator.parameters())
        with self.autocast():
            generated = self.generator(drawn["z"], diagnosis)
        images = torch.cat([self.real(drawn), generated.detach().float()]).requires_grad_()

        with self.autocast():
            real, fake = images.chunk(2)
            moved = torch.cat([translate(real, drawn["real_shift"]), translate(fake, drawn["generated_shift"])])
            moved = moved.contiguous(memory_format=torch.channels_last)
            logits = self.discriminator(moved, torch.cat([diagnosis, diagnosis])).float()
        # Row i is the gradient of logit i with respect to image i, because no image influences another one's logit.
        with self.discriminator.towards_images():
            (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        real_logits, generated_logits = logits.chunk(2)
        adversarial = F.softplus(generated_logits - real_logits).mean()
        penalty = slopes.float().square().sum((1, 2, 3)).mean()  # half of R1 + R2, both of which are means
        discriminator_gradients = torch.autograd.grad(adversarial + drawn["gamma"] * penalty, discriminator_weights)

        # The generator's backward pass through the discriminator is already computed: the same gradients, times the
        # derivative of the loss with respect to the logit.
        margin = (real_logits - generated_logits).detach()
        pull = -torch.sigmoid(margin)[:, None, None, None] / len(margin) * slopes.detach().chunk(2)[1]
        generator_gradients = torch.autograd.grad(generated, generator_weights, pull.to(generated.dtype))
        return Gradients(
            F.softplus(margin).mean(),
            # A penalty that is not finite makes the loss not finite.
            torch.where(penalty.isfinite(), adversarial, penalty).detach(),
            list(generator_gradients),
            list(discriminator_gradients),
        )

    def score(self, images: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(images),), diagnosis, device=self.device)
        real = to_unit_range(images.to(self.device)).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), self.autocast():
            return self.discriminator(real, labels).float().cpu()


def gamma_at(seen: int, size: int) -> float:
    """The weight of the penalties after so many images.

    It falls from the first value to a tenth along half a cosine.
    """
    left = 0.5 + 0.5 * math.cos(math.pi * min(seen / EASED_OVER, 1))
    return GAMMA[size] * (0.1 + 0.9 * left)
