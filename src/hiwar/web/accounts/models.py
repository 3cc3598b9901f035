"""The user. Names may change one day; `public_id` never does, and is what everything else refers to."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from hiwar.web.ids import ID_CHARS, Immutable, new_id


class UserManager(BaseUserManager["User"]):
    """Makes users with hashed passwords."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(Immutable, AbstractBaseUser):
    """`is_operator` may create and manage conversations; `must_change_password` until a given one is."""

    IMMUTABLE = ("public_id",)
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    public_id = models.CharField(max_length=ID_CHARS, unique=True, default=new_id, editable=False)
    username = models.CharField(_("user name"), max_length=150, unique=True)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
