"""Label sets as the cells of rows, one column a label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from observability.promql.labels import METRIC_NAME, LabelSet


def label_names(label_sets: Iterable[LabelSet]) -> list[str]:
    """Return the names of all labels, the metric's name first and the others sorted."""
    names = {name for labels in label_sets for name, _ in labels}
    return sorted(names, key=lambda name: (name != METRIC_NAME, name))


def label_texts(labels: LabelSet, names: Sequence[str]) -> list[str]:
    """Return the values of these labels, '' for those that are not there."""
    values = dict(labels)
    return [values.get(name, "") for name in names]
