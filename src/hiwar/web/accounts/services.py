"""The operator: the one account that an installation starts with."""

import secrets

from django.db import transaction

from hiwar.web.accounts.models import User

OPERATOR = "operator"


def ensure_operator() -> tuple[str, str | None]:
    """The operator's user name, and a one-time password if the account was made just now.

    The password is shown once by the caller and must be changed at the first sign-in.
    """
    with transaction.atomic():
        held = User.objects.filter(is_operator=True).order_by("pk").first()
        if held is not None:
            return held.username, None
        password = _one_time_password()
        User.objects.create_user(OPERATOR, password, is_operator=True, must_change_password=True)
    return OPERATOR, password


def reset_operator() -> tuple[str, str]:
    """A new one-time password for the operator who lost theirs."""
    name, password = ensure_operator()
    if password is None:
        user = User.objects.get(username=name)
        password = _one_time_password()
        user.set_password(password)
        user.must_change_password = True
        user.save()
    return name, password


def _one_time_password() -> str:
    """Four groups that are easily read out: 20 characters of base 32, 100 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
