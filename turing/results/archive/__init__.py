"""A study as one zip that a stranger can check: made by `contents`, written by `packing`, checked by `verify`."""
