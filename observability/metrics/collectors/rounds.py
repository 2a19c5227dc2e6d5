"""Duties that come round on multiples of their intervals, one after the other in one thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import structlog

# A round that starts this little late, as a part of its interval, bears the time it was due at:
# even spacing compresses better, and rates do not notice. Prometheus allows 1 % too.
_TOLERANCE = 0.01

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something to do again and again.

    Attributes:
        name: For the log.
        interval_seconds: Done whenever Unix time is a multiple of this.
        act: Takes the Unix time of the round in seconds; what it raises is logged.
    """

    name: str
    interval_seconds: float
    act: Callable[[float], object]


class Rounds:
    """Knows which duties are due; those that were missed are not made up for."""

    def __init__(self, duties: list[Duty], *, now: float) -> None:
        self._duties = duties
        self._due = [_next_multiple(now, duty.interval_seconds) for duty in duties]

    def next_due(self) -> float:
        """Return the Unix time at which something is to be done."""
        return min(self._due)

    def run_due(self, clock: Callable[[], float]) -> None:
        """Do what is due, in the order in which the duties were given."""
        for position, duty in enumerate(self._duties):
            now, due = clock(), self._due[position]
            if now < due:
                continue
            is_punctual = now - due <= duty.interval_seconds * _TOLERANCE
            try:
                duty.act(due if is_punctual else now)
            except Exception as error:  # noqa: BLE001 (one failing duty must not end the others)
                log.warning("duty failed", duty=duty.name, error=f"{type(error).__name__}: {error}")
            self._due[position] = _next_multiple(clock(), duty.interval_seconds)


def _next_multiple(now: float, interval_seconds: float) -> float:
    return (math.floor(now / interval_seconds) + 1) * interval_seconds
