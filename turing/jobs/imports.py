"""Imports of what was uploaded."""


def check(job, commands):
    raise NotImplementedError


def bring_in(job, commands):
    raise NotImplementedError
