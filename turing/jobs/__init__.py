"""Long work in the background: the queue, the worker, the kinds of work, uploads and the pages of it all."""
