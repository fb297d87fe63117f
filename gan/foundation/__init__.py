"""The ground floor: what every room of `gan` may use, and what knows none of them.

`errors` is the exception that people read, `seeds` derives random seeds, `diagnoses` has their one spelling, `patients`
says which images belong together, `storage` where image files lie, `kept_snapshots` which snapshots a training keeps.
"""
