"""How pages show states and times."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

Tone = Literal["good", "warning", "bad", "neutral"]


def badge(text: str, tone: Tone, *, title: str = "") -> SafeString:
    """Return a word on a coloured ground; `title` shows when somebody points at it."""
    return format_html(
        '<span class="portal-badge portal-badge-{}" title="{}">{}</span>', tone, title, text
    )


def ago(moment: datetime) -> SafeString:
    """Return how long ago a time is; the time itself shows when somebody points at it."""
    seconds = int((timezone.now() - moment).total_seconds())
    text = f"{max(seconds, 0)} s" if seconds < 60 else timesince(moment, depth=1)
    return in_words(moment, f"{text} ago")


def in_words(moment: datetime, words: str) -> SafeString:
    """Return words for a time; the time itself shows when somebody points at them."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        words,
    )
