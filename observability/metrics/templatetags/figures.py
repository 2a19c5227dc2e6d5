"""How the pages of metrics show numbers, sizes and times."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from observability.access.shown import ago

register = template.Library()

_NOTHING = "\N{EN DASH}"

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_HOUR_SECONDS, _DAY_SECONDS = 3600, 86_400


@register.filter
def thousands(number: float | None) -> str:
    """Return a whole number with commas, a dash for None."""
    return _NOTHING if number is None else f"{number:,.0f}"


@register.filter
def size(count: float | None) -> str:
    """Return a number of bytes in the unit that suits it, a dash for None."""
    if count is None:
        return _NOTHING
    amount, unit = float(count), 0
    while abs(amount) >= 1024 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_SIZES[unit]}" if unit == 0 else f"{amount:.1f} {_SIZES[unit]}"


@register.filter
def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent, from 0 to 100, for the width of a bar."""
    return f"{100 * part / whole:.1f}" if whole else "0"


@register.filter
def lasting(seconds: float | None) -> str:
    """Return a duration in the unit that suits it, a dash for None."""
    if seconds is None:
        return _NOTHING
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_SECONDS:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * _DAY_SECONDS:
        return f"{seconds / _HOUR_SECONDS:.0f} h"
    return f"{seconds / _DAY_SECONDS:,.0f} days"


@register.filter
def moment_ms(timestamp_ms: int | None) -> SafeString | str:
    """Return a time in the portal's time zone, a dash for None."""
    if timestamp_ms is None:
        return _NOTHING
    moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.isoformat(),
        f"{timezone.localtime(moment):%Y-%m-%d %H:%M}",
    )


@register.filter
def ago_ms(timestamp_ms: int | None) -> SafeString | str:
    """Return how long ago a time is, a dash for None; the time itself shows when somebody points at it."""
    if timestamp_ms is None:
        return _NOTHING
    return ago(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
