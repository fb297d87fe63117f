"""The hash that stores passwords."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class LowMemoryArgon2(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters for little memory (19 MiB, 2 passes, 1 thread).

    Django's own parameters take 100 MiB for each log-in, more than the rest of a web worker.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
