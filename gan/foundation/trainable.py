"""The GAN models that can be trained. Settings, the command line and pages take their choices from this list."""

# Name of the model, and what it is for, in a few words.
MODELS = {
    "projected": "better samples in the same time",
    "dcgan": "the seed paper's",
    "r3gan": "without features from ImageNet, needs hours on a GPU",
}
