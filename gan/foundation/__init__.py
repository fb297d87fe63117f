"""What every other package may use, and what imports none of them.

`errors` has the exception that users see, `seeds` derives random seeds, `diagnoses` normalises names of diagnoses,
`patients` says which images belong together, `storage` where image files are stored, `kept_snapshots` which snapshots a
training keeps. `trainable` lists the models that can be trained.
"""
