"""Which real images a generator saw and which it did not.

`sources` finds images in the database or in folders and splits them by lesion and by patient, `training_sets` says
which of them a run trains on and which it holds out, `comparison_sets` says the same for any generator.
"""
