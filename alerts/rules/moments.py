"""Times on the engine's clock, milliseconds since the epoch, and on the database's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Return a time in whole milliseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(at_ms: int) -> datetime:
    """Return the time that is so many milliseconds after the epoch."""
    return _EPOCH + timedelta(milliseconds=at_ms)
