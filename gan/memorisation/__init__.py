"""Are samples copies of training images? `distances` compares, `copying_tests` are the field's, `audit` reports,
`copy_detector` marks single samples and keeps what it found.

Every statistic is also computed for held-out lesions against the training set (its null) and with planted copies (its
power). What is not found is 'not detected at these limits', never 'anonymous'.
"""
