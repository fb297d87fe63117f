"""Judges a whole generator: `generator_report` joins the quality of its images and the audit for copies, `detection`
measures whether a classifier can tell its images from real ones."""
