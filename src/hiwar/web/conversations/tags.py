"""Template tags: addresses of assets, times, lengths, sizes."""

from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hiwar.assets import asset_address

register = template.Library()


@register.simple_tag
def asset(name: str) -> str:
    """The address of a file below `assets/static`, with its content's mark."""
    return asset_address(str.__str__(name))  # a plain str: paths refuse SafeString


@register.filter
def moment(value: datetime | None, style: str = "long") -> SafeString | str:
    """A time in UTC that the page's script turns into the visitor's own zone; `style` long or short."""
    if value is None:
        return ""
    text = date_format(value, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" data-moment="{}">{} UTC</time>', value.isoformat(), style, text)


@register.filter
def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss, Latin digits."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@register.filter
def size(count: int) -> str:
    """Bytes as kB, MB or GB (powers of ten), one decimal below ten."""
    for unit, limit in ((_("kB"), 10**6), (_("MB"), 10**9), (_("GB"), 10**30)):
        if count < limit:
            value = count / (limit // 1000 if limit < 10**30 else 10**9)
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    raise AssertionError("unreachable: the last limit is above any file")


@register.filter
def initial(name: str) -> str:
    """The first letter of a name (after the Arabic article), for the round sign beside it."""
    name = name.strip()
    if name.startswith("ال") and len(name) > 3:
        name = name[2:]
    return next((char for char in name if char.isalnum()), "•").upper()
