"""Imports real images of any collection: recognises what a folder holds, maps it, and writes it to the database."""
