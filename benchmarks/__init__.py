"""Benchmarks against naive baselines; `make bench` runs them."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")
django.setup()
