"""How long pushed metrics stay: as the push says, or else its job's rule, or else the setting."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce

from observability.metrics.ingest.pushgateway.models import PushGroup, PushLifetime
from observability.promql.durations import parse_duration_ms

# In milliseconds; what never expires.
FOREVER = 0
_NEVER = "never"
_LONGEST_MS = 10 * 365 * 86_400_000


def read_lifetime_ms(text: str) -> int:
    """Return a lifetime such as `1h` in milliseconds; FOREVER for `never` and `0`.

    Raises:
        ValueError: It is neither, or longer than ten years.
    """
    text = text.strip().lower()
    if text == _NEVER:
        return FOREVER
    try:
        lifetime_ms = parse_duration_ms(text)
    except ValueError:
        lifetime_ms = -1
    if not 0 <= lifetime_ms <= _LONGEST_MS:
        raise ValueError(
            f"expected a time such as 30m, 1h30m or 7d, at most 10 years, or 'never'; got {text[:50]!r}"
        )
    return lifetime_ms


def lifetime_of_job_ms(job: str) -> int:
    """Return how long the metrics of a job stay when a push does not say it."""
    rule = PushLifetime.objects.filter(job=job).first()
    default_ms: int = settings.PUSHGATEWAY_TTL_MS
    return default_ms if rule is None else rule.lifetime_ms


def expiry(group: PushGroup) -> datetime | None:
    """Return when a group expires, None for never."""
    # A group of which only failures are known expires as a push at that time would.
    begun = group.pushed_at or group.failed_at
    lifetime_ms = group.own_lifetime_ms
    if lifetime_ms is None:
        lifetime_ms = lifetime_of_job_ms(group.job)
    if lifetime_ms == FOREVER or begun is None:
        return None
    return begun + timedelta(milliseconds=lifetime_ms)


def apply_to_job(job: str) -> None:
    """Judge the groups of a job anew, after its rule has changed."""
    lifetime_ms = lifetime_of_job_ms(job)
    expires_at = (
        Value(None, DateTimeField())
        if lifetime_ms == FOREVER
        else Coalesce("pushed_at", "failed_at") + timedelta(milliseconds=lifetime_ms)
    )
    PushGroup.objects.filter(job=job, own_lifetime_ms=None).update(expires_at=expires_at)
