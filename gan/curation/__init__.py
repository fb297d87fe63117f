"""Decides which lesion images to train on, and gives the reasons for each rejection, as the seed paper's curation.

`frames` finds round dark frames, `rulers` ruler ticks and annotations, `low_quality` small and blurred images,
`gan.imaging.duplicates` the same picture twice; `verdicts` joins them.
"""
