"""The series that recording rules gave at their last evaluation, which end when they are gone.

A process remembers what it has written itself. When another one did the last evaluation, or none
since the start, the store tells: they are the series with a sample of that very time.
"""

from __future__ import annotations

from alerts.rules.rule_evaluation import RecordingRule
from observability.metrics.backend import MetricsBackend
from observability.metrics.store.kept import Kept
from observability.promql.errors import PromQLError
from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.options import QueryOptions
from observability.promql.syntax import VectorSelector
from observability.promql.values import InstantVector

MAX_KEPT_SERIES = 200_000
"""Of a process, for all rules together."""

_BYTES_PER_SERIES = 500

# Of each rule the time, and what it wrote as of then.
_kept: Kept[int, tuple[int, frozenset[LabelSet]]] = Kept(
    MAX_KEPT_SERIES * _BYTES_PER_SERIES, lambda found: _BYTES_PER_SERIES * (len(found[1]) + 1)
)


def series_recorded_at(
    rule_id: int, rule: RecordingRule, timestamp_ms: int, backend: MetricsBackend
) -> frozenset[LabelSet]:
    """Return the series that a rule wrote as of a time."""
    kept = _kept.get(rule_id)
    if kept is not None and kept[0] == timestamp_ms:
        return kept[1]
    given = tuple(
        Matcher(name, MatchOp.EQUAL, value) for name, value in rule.labels.items() if value
    )
    try:
        value = backend.query(
            VectorSelector(rule.name, given),
            at_ms=timestamp_ms,
            options=QueryOptions(lookback_ms=1),
        ).value
    except PromQLError:
        return frozenset()
    return frozenset(value.label_sets) if isinstance(value, InstantVector) else frozenset()


def remember(rule_id: int, timestamp_ms: int, series: frozenset[LabelSet]) -> None:
    """Keep what a rule has written as of a time, once it is stored."""
    _kept.keep({rule_id: (timestamp_ms, series)})
