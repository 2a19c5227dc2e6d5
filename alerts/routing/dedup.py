"""Whether a group has news for an integration: the decision of Alertmanager's notification log.

Fingerprints stand for label sets; changed annotations are no news, nor is an alert that
resolved and fired again between two flushes.

Source: Alertmanager 0.25, notify/notify.go (`DedupStage.needsUpdate`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Reason(StrEnum):
    """Why an integration is notified."""

    FIRST = "first"
    NEW_FIRING = "new-firing"
    NEW_RESOLVED = "new-resolved"
    ALL_RESOLVED = "all-resolved"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What an integration was last told about a group.

    Attributes:
        firing: Fingerprints of the alerts that were firing.
        resolved: Fingerprints of the alerts that were resolved.
        notified_at: When the group was flushed.
        is_settled: Whether the message has arrived, so that nothing of it is still to be sent.
    """

    firing: frozenset[str]
    resolved: frozenset[str]
    notified_at: datetime
    is_settled: bool


def reason_to_notify(
    entry: LogEntry | None,
    *,
    firing: AbstractSet[str],
    resolved: AbstractSet[str],
    sends_resolved: bool,
    repeat_interval: timedelta,
    now: datetime,
) -> Reason | None:
    """Return why the integration must hear of the group now; None when it has no news.

    `Reason.ALL_RESOLVED` comes even without `sends_resolved`: the caller then records it and
    sends nothing, or the next firing of the same alerts would look like old news.

    Args:
        entry: What the integration was last told; None when it knows nothing of the group.
        firing: Fingerprints of the group's firing alerts.
        resolved: Fingerprints of the group's resolved alerts, none of them firing.
        sends_resolved: Whether the integration wants to hear of resolved alerts.
        repeat_interval: After how long a firing group is told again.
        now: The time of the flush.
    """
    if entry is None:
        return Reason.FIRST if firing else None
    if not firing <= entry.firing:
        return Reason.NEW_FIRING
    if not firing:
        return Reason.ALL_RESOLVED if entry.firing else None
    if sends_resolved and not resolved <= entry.resolved:
        return Reason.NEW_RESOLVED
    if entry.notified_at + repeat_interval <= now:
        return Reason.REPEAT
    return None


def may_leave(entry: LogEntry | None, fingerprint: str, *, sends_resolved: bool) -> bool:
    """Return whether a resolved alert may leave its group, as far as one integration goes.

    It stays until the integration has got the message of its end, so that a message that
    fails for good is made again at the next flush.

    Args:
        entry: What the integration was last told, the present flush included.
        fingerprint: The resolved alert.
        sends_resolved: Whether the integration wants to hear of resolved alerts.
    """
    if entry is None or not sends_resolved:
        return True
    return entry.is_settled and fingerprint not in entry.firing


def is_old_news(entry: LogEntry | None, fingerprint: str) -> bool:
    """Return whether the integration has already got the message of a resolved alert's end."""
    return entry is not None and entry.is_settled and fingerprint in entry.resolved
