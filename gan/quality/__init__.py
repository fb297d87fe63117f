"""Measures the quality of samples.

`extractors` computes features, `metrics` compares features, `held_out` compares samples with held-out lesions, and
`patches` compares images without any network.
"""
