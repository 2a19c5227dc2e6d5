"""How the pages of alerts show states, severities, values and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache, lru_cache
from urllib.parse import quote_plus

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerts.models import Alert, AlertState, Severity
from alerts.routing.message import short_value
from alerts.shown import SEVERITY_TONES, STATE_TONES
from observability.access.shown import badge, in_words
from observability.promql.durations import format_duration
from observability.promql.go_floats import plain, shortest
from observability.promql.matchers import Matcher, MatchOp

register = template.Library()


@register.filter
def state_badge(alert: Alert) -> SafeString:
    """Return where an alert stands, on the colour of its state."""
    return _badge_of(alert.state)


# Lists show the same few again and again.
@cache
def _badge_of(state: str) -> SafeString:
    return badge(AlertState(state).label, STATE_TONES[state])


@register.filter
@lru_cache(maxsize=64)
def severity_badge(severity: str) -> SafeString | str:
    """Return a severity on its colour; nothing when nobody has said one."""
    if not severity:
        return ""
    known = severity in Severity.values
    label = str(Severity(severity).label) if known else severity
    return badge(label, SEVERITY_TONES.get(severity, "neutral"))


@register.filter
def value_words(value: float | None) -> SafeString | str:
    """Return a value for the eye; the exact one shows when somebody points at it."""
    if value is None:
        return ""
    return format_html('<span title="{}">{}</span>', plain(value), short_value(shortest(value)))


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """Return a time of today by its hour, one of another day with its date."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return in_words(moment, f"{local:%H:%M:%S}" if is_today else f"{local:%Y-%m-%d %H:%M}")


@register.filter
def length_words(length: timedelta | None) -> str:
    """Return how long something took: `4m10s`, `2d3h`."""
    if length is None:
        return ""
    seconds = max(int(length.total_seconds()), 0)
    # The two largest units say enough.
    for unit, smaller in ((86_400, 3_600), (3_600, 60)):
        if seconds >= unit:
            seconds -= seconds % smaller
            break
    return format_duration(seconds * 1000) if seconds else "0s"


@register.filter
def until(earlier: datetime | None, later: datetime | None) -> timedelta | None:
    """Return the time from one moment to another; up to now where the other is missing."""
    return None if earlier is None else (later or timezone.now()) - earlier


@register.simple_tag
@lru_cache(maxsize=4_096)
def label_chip(name: str, value: str, narrowed_by: str) -> SafeString:
    """Return a label that leads to the alerts which have it too.

    Args:
        name: Of the label.
        value: Of the label.
        narrowed_by: The address of the list up to where one more matcher is written.
    """
    return format_html(
        '<a class="portal-chip portal-chip-short" href="{}" data-label="{}" data-value="{}" title="{}">{}</a>',
        narrowed_by + quote_plus(str(Matcher(name, MatchOp.EQUAL, value))),
        name,
        value,
        f"Only {name}={shortened(value, 200)}",
        f"{name}={shortened(value, 60)}",
    )


@register.filter
def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


@register.filter
def duration_words(length_ms: int) -> str:
    """Return a duration as rules write it."""
    return format_duration(length_ms)
