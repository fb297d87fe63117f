"""Measures the quality of samples.

`extractors` computes features, `metrics` compares features, and `quality` compares a run with held-out lesions.
"""
