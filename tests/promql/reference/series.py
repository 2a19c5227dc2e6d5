"""What the reference evaluates to: samples of instant vectors, windows of range vectors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from observability.promql.labels import LabelSet, drop_metadata
from observability.promql.staleness import STALE_NAN_BITS
from observability.promql.syntax import Boundary
from tests.promql.bits import bits_of

Samples: TypeAlias = list[tuple[int, float]]
Data: TypeAlias = Mapping[LabelSet, Samples]


class RefusedError(Exception):
    """The expression has no value on these data; the text is a part of the engine's message."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant vector; its name stays until the answer is shown."""

    labels: LabelSet
    value: float
    drop_name: bool = False

    def with_value(self, value: float) -> "Sample":
        return Sample(self.labels, value, True)


Vector: TypeAlias = list[Sample]


@dataclass(frozen=True, slots=True)
class Window:
    """One series of a range vector: `samples` in `(end - range, end]`, asked for at `at_ms`."""

    labels: LabelSet
    samples: Samples
    at_ms: int
    end_ms: int
    range_ms: int
    drop_name: bool = False
    boundary: Boundary | None = None
    around: Samples = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.samples]


def is_stale(value: float) -> bool:
    return bits_of(value) == STALE_NAN_BITS


def shown(vector: Vector) -> dict[LabelSet, float]:
    """Return a vector as an answer has it."""
    found: dict[LabelSet, float] = {}
    for sample in vector:
        labels = drop_metadata(sample.labels) if sample.drop_name else sample.labels
        if labels in found:
            raise RefusedError("same labelset")
        found[labels] = sample.value
    return found
