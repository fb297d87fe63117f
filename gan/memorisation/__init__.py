"""Are samples copies of training images? `distances` compares, `copying_tests` are the field's, `audit` reports,
`copy_detector` marks single samples and keeps what it found.

`distances` compares images, `statistics` has the field's tests, and `audit` reports. Every statistic is also computed
for held-out lesions against the training set (its null) and with planted copies (its power). If no copies are found,
the report says 'not detected at these limits', never 'anonymous'.
"""
