"""The history of one alert: its states from its row and what else happened, in one line of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from alerts.models import Alert, AlertEvent, AlertEventKind, AlertState

Kind = Literal["state", "fired", "resolved", "data", "acknowledged", "comment"]

_TITLES = {
    AlertEventKind.ACKNOWLEDGED: "Acknowledged",
    AlertEventKind.UNACKNOWLEDGED: "Acknowledgement taken back",
    AlertEventKind.ACK_EXPIRED: "Acknowledgement expired",
    AlertEventKind.COMMENT: "Comment",
    AlertEventKind.NO_DATA: "No data",
    AlertEventKind.DATA_BACK: "Data is back",
    AlertEventKind.RESOLVED_BY_HAND: "Resolved by hand",
}
_KINDS: dict[str, Kind] = {
    AlertEventKind.ACKNOWLEDGED: "acknowledged",
    AlertEventKind.UNACKNOWLEDGED: "acknowledged",
    AlertEventKind.ACK_EXPIRED: "acknowledged",
    AlertEventKind.COMMENT: "comment",
    AlertEventKind.NO_DATA: "data",
    AlertEventKind.DATA_BACK: "data",
    AlertEventKind.RESOLVED_BY_HAND: "resolved",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened to an alert.

    Attributes:
        at: When.
        kind: What sort of thing it is, for its mark.
        title: What happened.
        by: Who did it; '' for the portal.
        text: What they said.
        key: Tells it from all others of the alert.
    """

    at: datetime
    kind: Kind
    title: str
    by: str = ""
    text: str = ""
    key: str

    @property
    def is_comment(self) -> bool:
        """Whether it is what somebody says, and nothing that happened."""
        return self.kind == "comment"


def timeline(alert: Alert, events: Iterable[AlertEvent]) -> list[Moment]:
    """Return the history of an alert, oldest first.

    Args:
        alert: The alert.
        events: What happened to it besides its states.
    """
    told = [_of_event(event) for event in events]
    kinds = {moment.title for moment in told}
    moments = [*_of_states(alert), *told]
    if alert.no_data_since is not None and _TITLES[AlertEventKind.NO_DATA] not in kinds:
        moments.append(Moment(at=alert.no_data_since, kind="data", title="No data", key="no data"))
    ended_by_hand = _TITLES[AlertEventKind.RESOLVED_BY_HAND] in kinds
    if alert.resolved_at is not None and not ended_by_hand:
        moments.append(
            Moment(at=alert.resolved_at, kind="resolved", title="Resolved", key="resolved")
        )
    return sorted(moments, key=lambda moment: moment.at)


def _of_states(alert: Alert) -> Iterable[Moment]:
    if alert.is_manual:
        yield Moment(at=alert.active_at, kind="fired", title="Reported by hand", key="fired")
        return
    if alert.fired_at is None or alert.fired_at > alert.active_at:
        yield Moment(at=alert.active_at, kind="state", title="Pending", key="pending")
    if alert.fired_at is not None:
        yield Moment(at=alert.fired_at, kind="fired", title="Fired", key="fired")
    if alert.keep_firing_since is not None:
        is_over = alert.state == AlertState.RESOLVED
        title = (
            "The condition ended, kept firing" if is_over else "The condition ended, keeps firing"
        )
        yield Moment(at=alert.keep_firing_since, kind="state", title=title, key="kept")


def _of_event(event: AlertEvent) -> Moment:
    kind = AlertEventKind(event.kind)
    return Moment(
        at=event.at,
        kind=_KINDS[kind],
        title=_TITLES[kind],
        by=event.by,
        text=event.text,
        key=f"event {event.pk}",
    )
