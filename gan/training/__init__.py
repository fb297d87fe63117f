"""Training steps: `settings` says what is asked for, `trainer` what all trainings share, one module a model.

They know tensors, not the database; `gan.runs` wraps them. Every random number of a step is derived from the seed and
the step, so a resumed run repeats an uninterrupted one.
"""
