"""Metric families as collectors yield them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from observability.metrics.samples import MetricType

Reading: TypeAlias = tuple[str, Mapping[str, str], float]
"""Sample name, labels and value; all readings of one collection have the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric with what is known about it and its values.

    Attributes:
        name: The metric's name as it is stored, a counter's `_total` included.
        help: What it means, in one sentence.
        unit: The base unit, '' when the name says it or there is none.
        samples: The values; a histogram's samples have names of their own.
    """

    name: str
    type: MetricType
    help: str
    samples: Sequence[Reading]
    unit: str = ""


def gauge(name: str, help_text: str, value: float) -> Family:
    """Return a gauge that is one series without labels."""
    return Family(name=name, type=MetricType.GAUGE, help=help_text, samples=[(name, {}, value)])


def counter(name: str, help_text: str, value: float) -> Family:
    """Return a counter that is one series without labels."""
    return Family(name=name, type=MetricType.COUNTER, help=help_text, samples=[(name, {}, value)])


def labelled(
    name: str,
    type_: MetricType,
    help_text: str,
    values: Sequence[tuple[Mapping[str, str], float]],
) -> Family:
    """Return a family with one sample for each label set."""
    return Family(
        name=name, type=type_, help=help_text, samples=[(name, labels, v) for labels, v in values]
    )
