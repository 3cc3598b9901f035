"""What people and programs see when something did not work: JSON, a page, or a line of text.

The page is Arabic or English by `Accept-Language` (or the cookie), takes its looks from
`/static/design.css`, and needs nothing else: it is made here so that it can be shown while everything
behind the door is dead.
"""

import html
import json
from collections.abc import Mapping

from hiwar.door.headers import page_headers
from hiwar.door.http import Problem, Request, Response

_SENTENCES = {
    400: ("The request was not understood.", "لم يُفهم الطلب."),
    401: ("This needs a link that lets you in.", "يلزم رابط يتيح لك الدخول."),
    403: ("This is not open to you.", "هذا غير متاح لك."),
    404: ("There is nothing at this address.", "لا شيء في هذا العنوان."),
    405: ("This cannot be done here.", "لا يمكن فعل هذا هنا."),
    408: ("The request took too long.", "استغرق الطلب وقتًا أطول مما ينبغي."),
    409: ("This is not possible at this moment.", "هذا غير ممكن في هذه اللحظة."),
    410: ("This is over.", "انتهى هذا."),
    413: ("What was sent is too large.", "ما أُرسل أكبر مما ينبغي."),
    414: ("The address is too long.", "العنوان أطول مما ينبغي."),
    425: ("The conversation is not on air yet.", "لم تبدأ المحادثة على الهواء بعد."),
    429: ("Too many requests; try again in a moment.", "طلبات كثيرة؛ حاول بعد لحظة."),
    500: ("Something went wrong here.", "حدث خطأ هنا."),
    502: ("A part of the site does not answer at the moment.", "جزء من الموقع لا يجيب الآن."),
    503: ("The site is very busy; try again in a moment.", "الموقع مزدحم جدًا؛ حاول بعد لحظة."),
    504: ("A part of the site took too long to answer.", "تأخر جزء من الموقع في الإجابة."),
}
_GENERAL = ("The request could not be answered.", "تعذّرت الإجابة عن الطلب.")
_PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/static/design.css"></head>
<body class="problem"><main><p class="problem-status">{status}</p><h1>{title}</h1>
<p>{detail}</p><p><a href="/">{home}</a></p></main></body></html>
"""
LANGUAGES = ("ar", "en")
LANGUAGE_COOKIE = "hiwar_language"  # set by the site (`assets.visitors`)


def language_of(headers: Mapping[str, str], fallback: str = "en") -> str:
    """The language cookie ("ar" or "en"), else the better liked of the two in Accept-Language."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == LANGUAGE_COOKIE and value in LANGUAGES:
            return value
    best, best_weight = fallback, 0.0
    for item in headers.get("accept-language", "").split(",")[:16]:
        tag, _, parameter = item.strip().partition(";")
        language, weight = tag.strip().lower().partition("-")[0], _weight(parameter)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    known = len(value) <= 5 and value.isascii() and value.replace(".", "", 1).isdigit()
    return min(1.0, float(value)) if known else 0.0


def render_problem(headers: Mapping[str, str], problem: Problem) -> Response:
    """The problem in the form that `Accept` asks for: a page, JSON (RFC 9457), or text."""
    accept = headers.get("accept", "*/*").lower()
    arabic = language_of(headers) == "ar"
    title = _SENTENCES.get(problem.status, _GENERAL)[arabic]
    detail = (problem.arabic or title) if arabic else problem.detail
    kept = {"Cache-Control": "no-store", **problem.headers, "Vary": "Accept, Accept-Language"}
    if "text/html" in accept:
        body = _render_page(problem.status, title, detail, arabic=arabic)
        return Response(
            problem.status, {"Content-Type": "text/html; charset=utf-8", **page_headers(), **kept}, body
        )
    if "text/plain" in accept:
        return Response(
            problem.status, {"Content-Type": "text/plain; charset=utf-8", **kept}, f"{detail}\n".encode()
        )
    record = {"type": "about:blank", "title": title, "status": problem.status, "detail": detail}
    record |= problem.members
    body = json.dumps(record, ensure_ascii=False).encode()
    return Response(problem.status, {"Content-Type": "application/problem+json", **kept}, body)


def _render_page(status: int, title: str, detail: str, *, arabic: bool) -> bytes:
    return _PAGE.format(
        lang="ar" if arabic else "en",
        dir="rtl" if arabic else "ltr",
        status=status,
        title=html.escape(title),
        detail="" if detail == title else html.escape(detail),
        home="إلى الصفحة الأولى" if arabic else "To the first page",
    ).encode()


def problem_for(request: Request, problem: Problem) -> Response:
    """`render_problem` for a whole request."""
    return render_problem(request.headers, problem)
