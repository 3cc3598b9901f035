"""What every template has: language, direction, and who is signed in."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import get_language, get_language_bidi

from hiwar.assets.visitors import LANGUAGE_QUERY, is_signed_in

FONTS = {
    "ar": ("fonts/plex-sans-arabic-400.woff2", "fonts/markazi-arabic-600.woff2"),
    "en": ("fonts/plex-sans-latin-400.woff2", "fonts/markazi-latin-600.woff2"),
}


def page(request: HttpRequest) -> dict[str, Any]:
    """`person` is None without a session: the session is not even looked at, so the page can be shared."""
    signed_in = is_signed_in(request.META.get("HTTP_COOKIE", ""))
    user = getattr(request, "user", None) if signed_in else None
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
        "person": user if user is not None and user.is_authenticated else None,
    }
