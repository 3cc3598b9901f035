"""What every template has: language, direction, and who is signed in."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import get_language, get_language_bidi

from hiwar.assets.visitors import LANGUAGE_QUERY, is_signed_in
from hiwar.web.accounts.models import User

FONTS = {
    "ar": ("fonts/plex-sans-arabic-400.woff2", "fonts/markazi-arabic-600.woff2"),
    "en": ("fonts/plex-sans-latin-400.woff2", "fonts/markazi-latin-600.woff2"),
}


def person_of(request: HttpRequest) -> User | None:
    """Who is signed in. Without a session it is not even looked for, so that the page can be shared."""
    user = getattr(request, "user", None) if is_signed_in(request.META.get("HTTP_COOKIE", "")) else None
    return user if isinstance(user, User) else None


def page(request: HttpRequest) -> dict[str, Any]:
    """Of every page."""
    language = get_language() or "en"
    other = "en" if language == "ar" else "ar"
    font_sans, font_headline = FONTS[language]
    kept = [(key, value) for key, value in request.GET.items() if key == "v"]
    return {
        "language": language,
        "direction": "rtl" if get_language_bidi() else "ltr",
        "other_language": other,
        "language_address": f"?{urlencode([*kept, (LANGUAGE_QUERY, other)])}",
        "font_sans": font_sans,
        "font_headline": font_headline,
        "person": person_of(request),
    }
