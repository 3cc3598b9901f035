"""Public ids: short, random, plain ASCII, given once and never changed."""

import secrets
from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.db import models

ID_CHARS = 10
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_id() -> str:
    """Ten characters of [a-z0-9]: 51 bits, so that ids are neither guessed nor met twice."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(ID_CHARS))


class ImmutableField(ValueError):
    """A field that is given for life was changed."""


class Immutable(models.Model):
    """A model some of whose fields (`IMMUTABLE`) keep the value of their first save."""

    IMMUTABLE: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @classmethod
    def from_db(  # type: ignore[override]  # the stubs describe Django 6, whose method takes one more
        cls, db: str | None, field_names: Collection[str], values: Collection[Any]
    ) -> Self:
        loaded = super().from_db(db, field_names, values)
        loaded._remember()
        return loaded

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises ImmutableField when a field of `IMMUTABLE` differs from what was saved or loaded."""
        for name, value in self.__dict__.get("_first", {}).items():
            if getattr(self, name) != value:
                raise ImmutableField(f"{type(self).__name__}.{name} never changes")
        super().save(*args, **kwargs)
        self._remember()

    def _remember(self) -> None:
        held = {name: self.__dict__[name] for name in self.IMMUTABLE if name in self.__dict__}
        self.__dict__["_first"] = held
