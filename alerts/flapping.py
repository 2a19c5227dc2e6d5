"""Flapping: an alert that comes and goes, again and again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Count

from alerts.models import Alert

FLAPPING_WINDOW = timedelta(hours=1)
FLAPPING_EPISODES = 4
"""So many episodes that began within the window make an alert a flapping one."""


def flapping(fingerprints: Collection[str], *, now: datetime) -> dict[str, int]:
    """Return which of these alerts flap, and how many episodes each had, in one query."""
    if not fingerprints:
        return {}
    counted = (
        Alert.objects.filter(fingerprint__in=fingerprints, active_at__gt=now - FLAPPING_WINDOW)
        .order_by()
        .values_list("fingerprint")
        .annotate(episodes=Count("pk"))
        .filter(episodes__gte=FLAPPING_EPISODES)
    )
    return dict(counted)
