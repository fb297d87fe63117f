"""Measures whether generated images help to train classifiers of the diagnoses.

Classifiers are trained on real images, on generated ones and on both, and tested on lesions that neither they nor the
generator saw.
"""
