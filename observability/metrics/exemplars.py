"""Exemplars: a sample's value with the labels, a trace id above all, of one event that it came of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observability.promql.labels import LabelSet

# Of OpenMetrics: the characters of all names and values of an exemplar's labels.
MAX_LABEL_CHARACTERS = 128
# Of one body: far more than senders put together; bounds the time that a body takes.
MAX_EXEMPLARS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One event.

    Attributes:
        labels: Lead to it, such as `trace_id`.
        value: What was observed.
        timestamp_ms: When.
        has_own_time: Whether the sender said when; otherwise it is the time at which it was told,
            and the same exemplar may be told again.
    """

    labels: Mapping[str, str]
    value: float
    timestamp_ms: int
    has_own_time: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesExemplars:
    """A series with its exemplars, oldest first."""

    labels: LabelSet
    exemplars: list[Exemplar]


def label_characters(labels: Mapping[str, str]) -> int:
    """Return how many characters the names and values of labels have in all."""
    return sum(len(name) + len(value) for name, value in labels.items())
