"""The audit of a study's blinding: it looks for anything besides the look of an image that reveals its truth."""
