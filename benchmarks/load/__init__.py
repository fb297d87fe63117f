"""A site under load: the server, the load and the measurements. `benchmarks.web` runs it."""
