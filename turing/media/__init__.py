"""The store of images: a folder of this machine, or a bucket of an S3-compatible store.

Both keep one promise, which `gan.foundation.storage` and `turing.studies` rest on: `save` puts the whole file under
exactly the name it is given, at once, over what was there. Who opens the name gets the old bytes or the new,
never a part.
"""


class StoreUnavailableError(OSError):
    """The store cannot be reached or refuses access, so nothing is known about the file.

    Trying again later may help.
    """
