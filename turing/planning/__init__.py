"""How many readers and images a study needs: planned from a pilot's results or from assumed variances."""
