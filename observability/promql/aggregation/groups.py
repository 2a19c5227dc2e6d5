"""Which group a series belongs to, by its labels."""

from collections.abc import Sequence

import numpy as np

from observability.promql.blocks import Ints
from observability.promql.labels import METRIC_NAME, LabelSet, drop_labels, keep_labels
from observability.promql.syntax import Aggregation


class Groups:
    """Numbers the groups of one aggregation in the order in which they are seen."""

    def __init__(self, aggregation: Aggregation) -> None:
        self._without = aggregation.without
        self._names = frozenset(aggregation.grouping)
        if self._without:
            self._names |= {METRIC_NAME}
        self._numbers: dict[LabelSet, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def is_one(self) -> bool:
        """Whether all series fall into one group, whatever their labels."""
        return not self._without and not self._names

    @property
    def label_sets(self) -> list[LabelSet]:
        """The labels of each group, in the order of their numbers."""
        return list(self._numbers)

    def number(self, label_sets: Sequence[LabelSet]) -> Ints:
        """Return the number of the group of each series."""
        reduce = drop_labels if self._without else keep_labels
        numbers = self._numbers
        return np.array(
            [
                numbers.setdefault(reduce(labels, self._names), len(numbers))
                for labels in label_sets
            ],
            dtype=np.int64,
        )
