"""Which group an alert belongs to, and when the group is flushed next; Alertmanager's rules.

Source: Alertmanager 0.25, dispatch/dispatch.go (`getGroupLabels`, `aggrGroup`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

GROUP_BY_ALL = "..."
"""As an entry of `group_by`: every label counts, so that each label set is its own group."""


def group_labels(labels: Mapping[str, str], group_by: Collection[str]) -> dict[str, str]:
    """Return the labels that name an alert's group; a label that the alert lacks is left out."""
    if GROUP_BY_ALL in group_by:
        return dict(labels)
    return {name: value for name, value in labels.items() if name in group_by}


def group_key(route_key: str, labels: Mapping[str, str]) -> str:
    r"""Return the group's key in Alertmanager's spelling: `{}:{alertname="K"}` on the root route.

    Args:
        route_key: The route's path of matchers; `{}` for the root route.
        labels: The group's labels.
    """
    pairs = ", ".join(
        f"{name}={json.dumps(labels[name], ensure_ascii=False)}" for name in sorted(labels)
    )
    return f"{route_key}:{{{pairs}}}"


def next_flush(
    *,
    current: datetime | None,
    has_flushed: bool,
    earliest_start: datetime,
    group_wait: timedelta,
    now: datetime,
) -> datetime:
    """Return when a group flushes after alerts have joined it or changed.

    A group that has flushed keeps its rhythm of one flush every group interval. One
    that has not waits for `group_wait`, so that what breaks together is told together;
    but an alert that started longer ago than that has waited enough.

    Args:
        current: The flush that is planned already; None for a group that was at rest.
        has_flushed: Whether the group has flushed since it was last at rest.
        earliest_start: When the oldest of the alerts started.
        group_wait: How long a new group waits for company.
        now: The present.
    """
    if current is not None and has_flushed:
        return current
    if earliest_start + group_wait <= now:
        return now
    return current if current is not None else now + group_wait
