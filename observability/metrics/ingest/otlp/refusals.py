"""Data points that are refused: how many, of which metrics, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

# Of the metrics and the reasons only so many are named; a body can have thousands.
_MAX_NAMES = 5
_MAX_REASONS = 10
_MAX_NAME_LENGTH = 100


@dataclass(slots=True)
class _Refused:
    points: int = 0
    # A dictionary for its order.
    metrics: dict[str, None] = field(default_factory=dict)

    def metric_names(self) -> str:
        names = [name[:_MAX_NAME_LENGTH] for name in list(self.metrics)[:_MAX_NAMES]]
        return ", ".join(names + ["..."] * (len(self.metrics) > _MAX_NAMES))


class Refusals:
    """A tally of refused data points by the reason."""

    def __init__(self) -> None:
        self._by_reason: dict[str, _Refused] = {}

    @property
    def points(self) -> int:
        """Return how many data points were refused."""
        return sum(refused.points for refused in self._by_reason.values())

    def add(self, reason: str, metric: str, points: int = 1) -> None:
        """Count data points of a metric as refused; `metric` is the name that the sender knows."""
        refused = self._by_reason.setdefault(reason, _Refused())
        refused.points += points
        if len(refused.metrics) <= _MAX_NAMES:
            refused.metrics[metric] = None

    def in_words(self) -> list[str]:
        """Return a sentence for each reason, the weightiest first."""
        reasons = sorted(self._by_reason.items(), key=lambda item: -item[1].points)
        return [
            f"{refused.points} of {refused.metric_names()}: {reason}"
            for reason, refused in reasons[:_MAX_REASONS]
        ]
