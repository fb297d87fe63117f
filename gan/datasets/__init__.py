"""Which real images a generator saw and which it did not.

`sources` finds them in the database or in folders and splits them by lesion and by patient, `training_sets` says what
a run trains on and what it holds out, `comparison_sets` says the same of any generator.
"""
