"""The store of images: a folder of this machine, or a bucket of an S3-compatible store.

Both guarantee what `gan.foundation.storage` and `turing.studies` rely on. `save` replaces the whole file under exactly
the given name, at once. Whoever opens the name gets the old bytes or the new ones, never a mixture.
"""


class StoreUnavailableError(OSError):
    """The store cannot be reached or refuses access, so nothing is known about the file.

    Trying again later may help.
    """
