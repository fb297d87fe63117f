"""Packs a study into one zip that a stranger can check.

`contents` makes the files, `packing` writes the zip and `verify` checks it.
"""
