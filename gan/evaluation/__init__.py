"""Evaluates a whole generator.

`generator_report` combines the quality of its images with the audit for copies, and `detection` measures how well a
classifier can tell its images from real ones.
"""
