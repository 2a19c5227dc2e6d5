"""All ways of telling people, by key."""

from __future__ import annotations

from alerts.receivers.base import ReceiverKind
from alerts.receivers.email.send import EmailKind
from alerts.receivers.slack.send import SlackKind

_ALL: tuple[ReceiverKind, ...] = (EmailKind(), SlackKind())
_KINDS = {kind.key: kind for kind in _ALL}


def receiver_kinds() -> list[ReceiverKind]:
    """Return all kinds, in the order in which operators are offered them."""
    return list(_KINDS.values())


def find_kind(key: str) -> ReceiverKind | None:
    """Return the kind with this key; None when there is none (any more)."""
    return _KINDS.get(key)
