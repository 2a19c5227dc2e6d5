"""The metric families of a push: its text, taken apart and judged as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.exposition_text.exposition import Exposition, TextFormat
from observability.metrics.ingest.exposition_text.parsing import parse
from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.samples import Metadata, MetricType
from observability.promql.labels import METRIC_NAME, LabelSet, format_metric

# Written again every few seconds, as long as the group is there.
MAX_SERIES = 100_000

# What the portal itself says about a group.
PUSH_TIME = "push_time_seconds"
PUSH_FAILURE_TIME = "push_failure_time_seconds"

_ENDINGS = {
    MetricType.COUNTER: ("_total", "_created"),
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count", "_created"),
    MetricType.SUMMARY: ("_sum", "_count", "_created"),
}


@dataclass(frozen=True, slots=True)
class PushedFamily:
    """The series of a metric family with their values, all labels included."""

    metadata: Metadata
    samples: dict[LabelSet, float] = field(default_factory=dict)


def read_families(
    body: bytes,
    text_format: TextFormat,
    *,
    labels: Mapping[str, str],
    added_labels: Mapping[str, str],
) -> dict[str, PushedFamily]:
    """Return the metric families of a body by their names.

    Args:
        body: Text of metrics.
        text_format: Its format.
        labels: The grouping labels; they win over those in the body, empty ones too.
        added_labels: Those of the key; they win over all.

    Raises:
        MalformedBodyError: It is against the format, or has times, a series twice, or labels
            that are against the rules.
        BodyTooLargeError: It has more than MAX_SERIES series.
    """
    exposition = parse(body, text_format)
    if len(exposition) > MAX_SERIES:
        raise BodyTooLargeError(MAX_SERIES, what="series")
    if exposition.timestamps_ms is not None:
        raise MalformedBodyError("pushed metrics must not have timestamps")
    if exposition.retyped:
        raise MalformedBodyError(f"{min(exposition.retyped)!r} has more than one TYPE")
    families: dict[str, PushedFamily] = {}
    seen: set[LabelSet] = set()
    for key, value in zip(exposition.keys, exposition.values.tolist(), strict=True):
        try:
            series = decode_key(key)
            name = series[METRIC_NAME]
            label_set = checked_labels({**series, **labels}, added_labels)
        except UnacceptableSeriesError as error:
            raise MalformedBodyError(f"{key[:200].decode(errors='replace')}: {error}") from error
        if label_set in seen:
            raise MalformedBodyError(
                f"the series {format_metric(label_set)} stands twice, with the group's labels"
            )
        seen.add(label_set)
        if name not in (PUSH_TIME, PUSH_FAILURE_TIME):
            family = _family_of(name, exposition)
            said = exposition.metadata.get(family, Metadata())
            families.setdefault(family, PushedFamily(said)).samples[label_set] = value
    return families


def _family_of(name: str, exposition: Exposition) -> str:
    """Return the name of the metric family that a series of this name belongs to."""
    stem, underscore, ending = name.rpartition("_")
    said = exposition.metadata.get(stem)
    if said and underscore + ending in _ENDINGS.get(said.type, ()):
        return stem
    return name
