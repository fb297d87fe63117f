"""Backs up and restores the site: database, images and, if wanted, training runs, in one file."""
