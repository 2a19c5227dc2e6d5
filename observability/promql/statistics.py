"""How many samples a query needed, counted as Prometheus counts them, and what it took.

Source: Prometheus 3, util/stats/query_stats.go.
"""

from dataclasses import dataclass

from observability.promql.blocks import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatistics:
    """What a query took.

    Attributes:
        preparation_seconds: Time until the evaluation began: parsing and planning.
        evaluation_seconds: Time of the evaluation, reading included.
        sorting_seconds: Time of putting the series of a range query in order.
        timestamps_ms: int64: the steps.
        samples_per_step: int64, one a step: the samples that instant selectors showed and
            windows held, each as often as it was in a window.
        reads_per_step: int64, one a step: the same without those that an earlier step had.
        peak_samples: The most samples and points that were held at once.
    """

    preparation_seconds: float
    evaluation_seconds: float
    sorting_seconds: float
    timestamps_ms: Ints
    samples_per_step: Ints
    reads_per_step: Ints
    peak_samples: int

    @property
    def total_samples(self) -> int:
        """The samples of all steps."""
        return int(self.samples_per_step.sum())

    @property
    def samples_read(self) -> int:
        """The reads of all steps."""
        return int(self.reads_per_step.sum())

    @property
    def total_seconds(self) -> float:
        """The time from the query's text to its value."""
        return self.preparation_seconds + self.evaluation_seconds + self.sorting_seconds
