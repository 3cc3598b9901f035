"""The one page of backstage. Everything in it is made by its scripts; here is only the frame.

The language is that of `?lang=ar|en`, else what the browser likes better; a choice made on the page is
kept by the script, in the browser.
"""

import html
from functools import cache
from pathlib import Path

from hiwar.assets import asset_address
from hiwar.door.http import Request, Response
from hiwar.door.problems import LANGUAGES, language_of

_TEMPLATE = Path(__file__).with_name("page.html")
_WORDS = {
    "ar": {
        "brand": "حوار",
        "descriptor": "مدخل المتحدثين",
        "skip": "إلى المحتوى",
        "noscript": "تحتاج هذه الصفحة إلى JavaScript كي تستعمل الميكروفون.",
        "title": "حوار · مدخل المتحدثين",
    },
    "en": {
        "brand": "Hiwar",
        "descriptor": "Speakers’ entrance",
        "skip": "Skip to content",
        "noscript": "This page needs JavaScript to use your microphone.",
        "title": "Hiwar · Speakers’ entrance",
    },
}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), screen-wake-lock=(self), camera=(), geolocation=(), payment=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def answer_page(request: Request, fallback: str, status: int) -> Response:
    """The page, in the language that the request asks for."""
    asked = request.query.get("lang", "")
    language = asked if asked in LANGUAGES else language_of(request.headers, fallback)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language",
    }
    return Response(status, headers, _render(language))


@cache
def _render(language: str) -> bytes:
    other = "en" if language == "ar" else "ar"
    words = {
        **_WORDS[language],
        "lang": language,
        "language": language,
        "dir": "rtl" if language == "ar" else "ltr",
        "other": other,
        "other_name": {"ar": "العربية", "en": "English"}[other],
        "favicon": asset_address("favicon.ico"),
        "mark": asset_address("brand/mark.svg"),
        "design": asset_address("design.css"),
        "backstage": asset_address("backstage/backstage.css"),
        "script": asset_address("backstage/app.js"),
    }
    escaped = {key: html.escape(word) for key, word in words.items()}
    return _TEMPLATE.read_text(encoding="utf-8").format_map(escaped).encode()
