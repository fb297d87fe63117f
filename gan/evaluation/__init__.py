"""What is found out about a generator as a whole: `generator_report` joins the quality of its images and the audit for
copies, `detection` asks whether a machine can tell them from real ones."""
