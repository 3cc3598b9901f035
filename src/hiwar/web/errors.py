"""Pages for what went wrong: one clear sentence in the visitor's language."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hiwar.web.middleware import cached_for_everybody


def problem(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """A whole page with `status`; `title` and `text` are shown."""
    context = {"status": status, "problem_title": title, "problem_text": text}
    return render(request, "errors/problem.html", context, status=status)


@cached_for_everybody
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, and perhaps never was."""
    return problem(
        request,
        404,
        _("There is nothing at this address"),
        _("Check the link, or begin again from the first page."),
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the browser sent something that cannot be read."""
    return problem(
        request, 400, _("That could not be understood"), _("Go back, reload the page and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: signed in, or not, and in either case not allowed."""
    return problem(
        request,
        403,
        _("This page is not open to you"),
        _("It belongs to the people who run this site. If you are one of them, sign in."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token, most often a page left open overnight or blocked cookies."""
    return problem(
        request,
        403,
        _("The form is out of date"),
        _("Go back, reload the page and send it again. Cookies must be allowed for this site."),
    )


def failure(request: HttpRequest) -> HttpResponse:
    """500: our fault; live conversations are in other processes and go on."""
    return problem(
        request,
        500,
        _("Something went wrong on our side"),
        _("Conversations that are on air are not affected. Try again in a moment."),
    )
