"""The labels of a series as a sender gives them, judged by the store's rules."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from observability.metrics.instruments import SERIES_REFUSED
from observability.metrics.naming import label_faults, metric_name_fault
from observability.promql.labels import METRIC_NAME, LabelSet, label_set


class UnacceptableSeriesError(Exception):
    """The labels of a series are against the rules; the rest of the body is not affected."""


def checked_labels(labels: Mapping[str, str], added_labels: Mapping[str, str]) -> LabelSet:
    """Return the label set of a series.

    Args:
        labels: With the metric's name as `__name__`; a label without a value is the same as none.
        added_labels: Labels that every series gets; they win over the sender's.

    Raises:
        UnacceptableSeriesError: Names or values are against the rules.
    """
    labels = {**labels, **added_labels}
    if fault := series_fault(labels):
        SERIES_REFUSED.labels(reason="labels").inc()
        raise UnacceptableSeriesError(fault)
    return label_set(labels)


def series_fault(labels: Mapping[str, str]) -> str:
    """Return what is wrong with the labels of a series, '' when nothing is."""
    metric_name = labels.get(METRIC_NAME)
    if not metric_name:
        return "a series has no metric name"
    # A label without a value is the same as none, whatever its name.
    others = {n: v for n, v in labels.items() if n != METRIC_NAME and v}
    faults = label_faults(others, max_labels=settings.MAX_LABELS_PER_SERIES)
    return metric_name_fault(metric_name) or next((fault for _, fault in faults), "")
