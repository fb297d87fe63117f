"""How many readers and images a study needs: computed from a pilot's results or from assumed variances."""
