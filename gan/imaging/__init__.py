"""Works on pixels alone, without the database and without networks.

`image_files` opens and writes image files, `contact_sheets` lays images side by side, `phantoms` draws stand-ins,
`duplicates` finds the same picture twice, `skin_tone` measures the skin around a lesion.
"""
