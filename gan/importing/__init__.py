"""Brings real images of any collection into the database: recognises what a folder holds, maps it, writes it."""
