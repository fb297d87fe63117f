"""A site under load: who serves, who asks, what is measured. `benchmarks.web` is what one runs."""
