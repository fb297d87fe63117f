"""Does anything but what an image shows tell what it is? The audit of a study's blinding."""
