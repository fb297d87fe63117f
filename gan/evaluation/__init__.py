"""What is said of a generator as a whole."""
