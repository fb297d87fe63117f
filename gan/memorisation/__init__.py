"""Tests whether samples are copies of training images.

`distances` compares images, `copying_tests` has the field's tests, `audit` reports, and `copy_detector` marks single
samples. Every statistic is also computed for held-out lesions against the training set (its null) and with planted
copies (its power). If no copies are found, the report says 'not detected at these limits', never 'anonymous'.
"""
