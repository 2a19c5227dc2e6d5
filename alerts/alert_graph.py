"""The graph of an alert: what its rule watches, around the event, for the alert's labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.models import Alert, AlertState, Rule
from alerts.rules.data_expression import data_expression
from alerts.rules.moments import milliseconds
from alerts.rules.thresholds import Threshold, threshold_of
from alerts.timeline import Moment
from observability.metrics.backend import MetricsBackend
from observability.metrics.json_numbers import json_number
from observability.promql import Limits, Matrix, QueryOptions, Scalar
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.parser import parse

MAX_LINES = 20
POINTS = 300
_LIMITS = Limits(timeout_seconds=15.0)
_OPTIONS = QueryOptions(limits=_LIMITS)
_LEAST_MARGIN = timedelta(minutes=15)
_MOST_MARGIN = timedelta(days=1)
_STEPS_MS = [n * 1000 for n in (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The time that a graph shows, in ms."""

    start_ms: int
    end_ms: int
    step_ms: int


def around(alert: Alert, *, now: datetime) -> Range:
    """Return the time around an alert: as much before and after it as makes it seen."""
    end = alert.resolved_at or now
    hold = timedelta(milliseconds=alert.rule.hold_ms if alert.rule else 0)
    margin = max(_LEAST_MARGIN, (end - alert.active_at) / 4, 2 * hold)
    margin = min(margin, _MOST_MARGIN)
    start_ms = milliseconds(alert.active_at - margin)
    end_ms = milliseconds(min(end + margin, now))
    wanted = (end_ms - start_ms) / POINTS
    step_ms = next((step for step in _STEPS_MS if step >= wanted), int(wanted) + 1)
    # Steps at round times: asking again moves no point.
    return Range(
        start_ms=start_ms // step_ms * step_ms, end_ms=end_ms // step_ms * step_ms, step_ms=step_ms
    )


def watched(rule: Rule) -> tuple[str, Threshold | None]:
    """Return what a rule watches as PromQL, and its threshold if it compares with a number.

    Raises:
        PromQLError: The expression is none any more.
    """
    expr = parse(rule.expr)
    threshold = threshold_of(expr)
    data = threshold.watched if threshold else data_expression(expr)
    return str(data or expr), threshold


def draw(
    alert: Alert, rule: Rule, moments: Iterable[Moment], *, backend: MetricsBackend, now: datetime
) -> dict[str, Any]:
    """Return the graph as JSON: its lines, threshold, marks and spans of time.

    Raises:
        PromQLError: The expression cannot be evaluated.
    """
    shown = around(alert, now=now)
    expr, threshold = watched(rule)
    # As the rule's group sees it.
    offset_ms = rule.group.query_offset_ms or 0
    result = backend.query_range(
        expr,
        start_ms=shown.start_ms - offset_ms,
        end_ms=shown.end_ms - offset_ms,
        step_ms=shown.step_ms,
        options=_OPTIONS,
    )
    lines = _lines(result.value, alert, rule) if isinstance(result.value, Matrix) else []
    return {
        "expr": expr,
        "start": shown.start_ms,
        "end": shown.end_ms,
        "step": shown.step_ms,
        "threshold": _limit(threshold, backend, at_ms=shown.end_ms),
        "operator": str(threshold.op) if threshold else None,
        "lines": lines[:MAX_LINES],
        "line_count": len(lines),
        "marks": [
            {"at": milliseconds(moment.at), "kind": moment.kind, "title": moment.title}
            for moment in moments
            if not moment.is_comment
        ],
        "spans": _spans(alert, shown),
    }


def _limit(threshold: Threshold | None, backend: MetricsBackend, *, at_ms: int) -> float | None:
    if threshold is None:
        return None
    value = backend.query(str(threshold.limit), at_ms=at_ms, options=_OPTIONS).value
    return value.value if isinstance(value, Scalar) else None


def _lines(matrix: Matrix, alert: Alert, rule: Rule) -> list[dict[str, Any]]:
    given = rule.alert_labels().keys()
    return [
        {
            "labels": dict(labels),
            "values": [
                [int(at), json_number(value)]
                for at, value in zip(times.tolist(), values.tolist(), strict=True)
            ],
        }
        for labels, times, values in matrix.series()
        if is_of(alert.labels, labels, given=given)
    ]


def is_of(alert_labels: Mapping[str, str], series: LabelSet, *, given: Iterable[str]) -> bool:
    """Say whether an alert is about a series.

    Args:
        alert_labels: The alert's.
        series: The labels of the series.
        given: The labels that the rule gives, whatever those of the series are.
    """
    others = {METRIC_NAME, *given}
    return _without(alert_labels, others) == _without(dict(series), others)


def _without(labels: Mapping[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names and value}


def _spans(alert: Alert, shown: Range) -> Sequence[dict[str, Any]]:
    """Return when the alert was pending and when it fired."""
    end = milliseconds(alert.resolved_at) if alert.resolved_at else shown.end_ms
    active = milliseconds(alert.active_at)
    fired = milliseconds(alert.fired_at) if alert.fired_at else end
    spans = ((AlertState.PENDING, active, fired), (AlertState.FIRING, fired, end))
    return [
        {"state": str(state), "from": start, "to": stop}
        for state, start, stop in spans
        if stop > start
    ]
