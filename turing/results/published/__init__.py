"""What everybody may see of a study that is over, where its owner says so: a page, figures, tables, the archive."""
