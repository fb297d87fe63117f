"""Writes dcgan_keras.npz: what Keras 3 computes with the paper's tables. Only for development; Keras is no dependency.

    python -m venv /tmp/keras && /tmp/keras/bin/pip install torch keras
    KERAS_BACKEND=torch /tmp/keras/bin/python -m tests.gan.networks.golden.dcgan_keras

Weights and inputs are drawn by `numpy.random.RandomState`, whose streams do not change. So the file holds only outputs,
in float64 as far as Keras computes in it.
"""

from pathlib import Path

import keras
import numpy as np
from keras import Input, Sequential, layers

from tests.gan.networks.golden.weights import BATCH, EVERY, SEED, draw


def generator() -> Sequential:
    model = Sequential([Input((100,)), layers.Dense(4 * 4 * 256, activation="relu"), layers.Reshape((4, 4, 256))])
    for channels, factor in ((256, 2), (256, 2), (128, 2), (128, 4)):
        model.add(layers.UpSampling2D(factor))
        model.add(layers.Conv2D(channels, 3, padding="same"))
        model.add(layers.BatchNormalization(momentum=0.8))
        model.add(layers.Activation("relu"))
    model.add(layers.Conv2D(3, 3, padding="same"))
    model.add(layers.Activation("tanh"))
    return model


def discriminator() -> Sequential:
    model = Sequential([Input((128, 128, 3)), layers.Conv2D(32, 3, strides=2, padding="same")])
    model.add(layers.LeakyReLU(0.2))
    model.add(layers.Dropout(0.25))
    model.add(layers.Conv2D(64, 3, strides=2, padding="same"))
    model.add(layers.ZeroPadding2D(((0, 1), (0, 1))))
    for channels, strides in ((128, 2), (256, 1), (512, 1), (None, None)):
        model.add(layers.BatchNormalization(momentum=0.8))
        model.add(layers.LeakyReLU(0.2))
        model.add(layers.Dropout(0.25))
        if channels:
            model.add(layers.Conv2D(channels, 3, strides=strides, padding="same"))
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation="sigmoid"))
    return model


def main() -> None:
    random = np.random.RandomState(SEED)
    made = {}
    keras.config.set_floatx("float64")
    networks = {"generator": (generator(), (BATCH, 100)), "discriminator": (discriminator(), (BATCH, 128, 128, 3))}
    for name, (model, shape) in networks.items():
        model.set_weights([draw(random, weight.shape, weight.path) for weight in model.weights])
        inputs = random.standard_normal(shape) if name == "generator" else random.uniform(-1, 1, shape)
        made[name] = np.asarray(model(inputs, training=False).detach().cpu())
        if name == "generator":  # in training the discriminator drops at random
            made["generator_training"] = np.asarray(model(inputs, training=True).detach().cpu())
            moving = [weight for weight in model.weights if "moving" in weight.path]
            made["generator_moving"] = np.concatenate([np.asarray(weight.value.detach().cpu()) for weight in moving])
    made |= {key: value[:, ::EVERY, ::EVERY] for key, value in made.items() if value.ndim == 4}
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **made)


if __name__ == "__main__":
    main()
