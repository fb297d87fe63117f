"""What everybody may see of a finished study, if its owner publishes it: a page, figures, tables, the archive."""
