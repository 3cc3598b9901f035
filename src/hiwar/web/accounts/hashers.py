"""Argon2id at a cost that a small machine bears beside a live conversation."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """19 MiB, two passes, one lane: the first choice of OWASP's password storage advice.

    Django's 100 MiB would make a burst of sign-ins press on the speakers' memory.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
