#!/usr/bin/env python
"""Command-line entry point of a checkout."""

from turing.__main__ import main

if __name__ == "__main__":
    main()
