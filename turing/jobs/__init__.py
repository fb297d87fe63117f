"""Long work in the background: the queue, the worker, the kinds of work, uploads, and their pages."""
