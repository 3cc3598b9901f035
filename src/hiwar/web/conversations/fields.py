"""Form fields that read what people type, in the digits of their keyboard.

Arabic-Indic (٠-٩) and Persian (۰-۹) digits are turned into 0-9 on purpose, since Arabic keyboards write
them; anything else that Python would also take for a digit is refused.
"""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_LOCAL = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::[0-9]{2})?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}", re.ASCII)


def western_digits(text: str) -> str:
    """`text` with Arabic-Indic and Persian digits as 0-9."""
    return text.translate(_DIGITS)


class CountField(forms.IntegerField):
    """A small whole number."""

    def to_python(self, value: Any) -> int | None:
        text = western_digits(str(value or "").strip())
        if not text:
            return super().to_python(None)
        if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII):
            raise ValidationError(_("Write a whole number with digits."), code="invalid")
        return super().to_python(text)


class LocalTimeField(forms.Field):
    """What `<input type=datetime-local>` sends, as a naive datetime."""

    def to_python(self, value: Any) -> datetime | None:
        text = western_digits(str(value or "").strip())
        if not text:
            return None
        match = _LOCAL.fullmatch(text)
        try:
            return datetime(*(int(part) for part in match.groups())) if match else self._refuse()  # type: ignore[arg-type] # noqa: DTZ001
        except ValueError:
            return self._refuse()

    def _refuse(self) -> datetime:
        raise ValidationError(_("Write the time as 2030-12-31 20:30."), code="invalid")


def in_zone(local: datetime, zone: str) -> datetime:
    """The moment in UTC that clocks in `zone` (IANA name) show as `local`.

    Raises:
        ValidationError: no such zone.
    """
    if not _ZONE.fullmatch(zone):
        raise ValidationError(_("This time zone is not known."), code="invalid")
    try:
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(_("This time zone is not known."), code="invalid") from error
