"""Which lesion images to train on: what the seed paper threw out, found and said why.

`frames` finds round dark frames, `rulers` ruler ticks and annotations, `low_quality` small and blurred images,
`gan.imaging.duplicates` the same picture twice; `verdicts` joins them.
"""
