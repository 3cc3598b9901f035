"""Headers, caching and language of every page.

A page that a view marks with `@cached_for_everybody` may be kept for a second by the edge, if nobody is
signed in and it sets no cookie and holds no CSRF token; it then carries no `Vary: Cookie`. The edge's key
has the language (`assets.visitors.choose_language`). Everything else is `private, no-store`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import translation

from hiwar.assets.visitors import (
    LANGUAGE_COOKIE,
    LANGUAGE_QUERY,
    LANGUAGES,
    choose_language,
    is_signed_in,
)
from hiwar.web import installation

Answer = Callable[[HttpRequest], HttpResponseBase]
CACHED = "public, max-age=1"
PRIVATE = "private, no-store"
LANGUAGE_COOKIE_SECONDS = 365 * 24 * 3600
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",  # blob: is Media Source Extensions
        "connect-src 'self'",
        "worker-src 'self'",  # the puzzle, and a clock for hidden pages
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",  # no address with a voucher is told to another site
    "X-Content-Type-Options": "nosniff",
}


def cached_for_everybody(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose answers are the same for everybody of one language."""

    @wraps(view)
    def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", CACHED)
        return response

    return marked


class Headers:
    """Outermost: the client's address in, security and caching headers out."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.META["REMOTE_ADDR"] = request.META.get("HTTP_X_HIWAR_CLIENT", "")
        response = self._answer(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if installation.settings().listener_address.startswith("https:"):
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        self._decide_caching(request, response)
        return response

    def _decide_caching(self, request: HttpRequest, response: HttpResponseBase) -> None:
        shared = response.headers.get("Cache-Control") == CACHED
        own = is_signed_in(request.META.get("HTTP_COOKIE", "")) or response.cookies
        if shared and not own and request.method in ("GET", "HEAD"):
            response.headers["Vary"] = "Accept-Language"
        else:
            response.headers["Cache-Control"] = PRIVATE
            response.headers.setdefault("Vary", "Cookie, Accept-Language")


class Language:
    """Activates the visitor's language; `?lang=` chooses one for good and goes on without it."""

    def __init__(self, get_response: Answer) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.GET.get(LANGUAGE_QUERY)
        if chosen in LANGUAGES and request.method == "GET":
            return self._remember(request, str(chosen))
        language = choose_language(
            request.META.get("HTTP_COOKIE", ""),
            request.META.get("HTTP_ACCEPT_LANGUAGE", ""),
            installation.settings().language,
        )
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self._answer(request)
        response.headers.setdefault("Content-Language", language)
        return response

    def _remember(self, request: HttpRequest, language: str) -> HttpResponse:
        rest = [(key, value) for key, value in request.GET.items() if key != LANGUAGE_QUERY]
        path = "/" + request.path.lstrip("/\\")  # never another site's address
        response = redirect(f"{path}?{urlencode(rest)}" if rest else path)
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=LANGUAGE_COOKIE_SECONDS,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
        return response
