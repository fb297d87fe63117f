"""Training steps.

`settings` holds the options, `trainer` what all trainings share, and each model has one module. They know tensors, not
the database; `gan.runs` connects them with it. Every random number of a step is derived from the seed and the step, so
a resumed run repeats an uninterrupted one.
"""
