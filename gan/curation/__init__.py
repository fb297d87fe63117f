"""Decides which lesion images to train on, and gives the reasons for each rejection, as the seed paper's curation.

`frames` finds round dark frames, `rulers` finds ruler ticks and annotations, `low_quality` finds small and blurred
images, and `gan.imaging.duplicates` finds repeated pictures. `verdicts` combines them.
"""
