"""One evaluation of one rule: what it records, and what becomes of its alerts.

Nothing here knows where samples come from and where states are kept: a query function, and
what the rule remembers of its last evaluation, go in; samples, changes and what to remember
come out. So rule tests decide as the portal does.

Source: Prometheus 3, rules/{alerting,recording,group}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from alerts.rules.errors import DuplicateLabelsError, LimitExceededError, ResultTypeError
from alerts.rules.states import (
    Change,
    Doubts,
    Episode,
    Expand,
    Otherwise,
    Terms,
    advance,
    advance_on_error,
)
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.staleness import STALE_NAN
from observability.promql.syntax import Expr
from observability.promql.values import InstantVector, Scalar, Value

ALERTS = "ALERTS"
"""The series of each active alert, with the value 1."""

ALERTS_FOR_STATE = "ALERTS_FOR_STATE"
"""Since when each alert is active, in Unix seconds: what `for` is restored from."""

STATE_LABEL = "alertstate"

Sample: TypeAlias = tuple[LabelSet, float]
Vector: TypeAlias = Sequence[Sample]

Query: TypeAlias = Callable[[Expr, int], Vector]
"""Evaluates an expression at a time in ms; raises `PromQLError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule:
    """A rule that writes what its expression gives as series of its own.

    Attributes:
        name: The metric's name.
        expr: The expression.
        labels: Given to every series, over its own; '' takes a label away.
    """

    name: str
    expr: Expr
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingRule:
    """A rule that raises an alert for each series that its expression gives.

    Attributes:
        name: The alert's name.
        expr: The expression.
        terms: What it says about its alerts; `alertname` is among their labels.
        data_expr: What it judges (see `alerts.rules.data_expression`), None where that cannot be
            told; asked only when the rule does something else on no data than to resolve.
        resolve_expr: Has a series of the same labels when a firing alert is over; None when it is
            over as soon as `expr` has none.
    """

    name: str
    expr: Expr
    terms: Terms
    data_expr: Expr | None = None
    resolve_expr: Expr | None = None


Rule: TypeAlias = RecordingRule | AlertingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a rule knows of its last evaluation.

    Attributes:
        active: Its pending and firing alerts, by fingerprint.
        series: The series that it wrote, which are marked stale when they are gone.
    """

    active: Mapping[str, Episode] = field(default_factory=dict)
    series: frozenset[LabelSet] = frozenset()


NOTHING = Memory()
"""What a rule knows before its first evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one evaluation gave.

    Attributes:
        samples: What is to be written as of the time of the query, stale markers last.
        changes: What became of alerts.
        memory: What the rule knows now.
    """

    samples: Vector
    changes: Sequence[Change] = ()
    memory: Memory


_NOTHING_HAPPENED = Evaluation(samples=(), memory=NOTHING)


def evaluate_rule(
    rule: Rule,
    memory: Memory,
    query: Query,
    *,
    at_ms: int,
    query_offset_ms: int = 0,
    limit: int = 0,
    expand: Expand,
) -> Evaluation:
    """Evaluate a rule once.

    Args:
        rule: The rule.
        memory: What its last evaluation left.
        query: Evaluates its expression.
        at_ms: The time of the evaluation; alerts count their time by it.
        query_offset_ms: How far before that the expression is evaluated.
        limit: How many series or alerts there may be; 0 for any number.
        expand: Fills in templates.

    Raises:
        PromQLError: The expression has no value; what the rule remembers stays.
        RuleEvaluationError: Its value is nothing that a rule can use; the same.
    """
    asked_ms = at_ms - query_offset_ms
    vector = query(rule.expr, asked_ms)
    if isinstance(rule, RecordingRule):
        return _record(rule, memory, vector, limit=limit)
    if not vector and not memory.active and rule.terms.on_no_data is not Otherwise.FIRE:
        return _evaluation({}, memory)
    if 0 < limit < len(vector):
        # Each series is an alert of its own; nobody waits for the texts of so many.
        raise LimitExceededError(limit, len(vector), "alerts")
    changes = advance(
        memory.active,
        vector,
        terms=rule.terms,
        at_ms=at_ms,
        expand=expand,
        doubts=_doubts(rule, query, asked_ms),
    )
    return _alerts(rule, memory, changes, limit=limit)


def evaluate_failed_rule(
    rule: AlertingRule, memory: Memory, *, at_ms: int, expand: Expand
) -> Evaluation:
    """Return what a rule records and changes when its expression has no value."""
    changes = advance_on_error(memory.active, terms=rule.terms, at_ms=at_ms, expand=expand)
    return _alerts(rule, memory, changes, limit=0)


def result_vector(value: Value) -> Vector:
    """Return the value of a rule's expression; a scalar is a series without labels.

    Raises:
        ResultTypeError: It is neither a vector nor a scalar.
    """
    match value:
        case InstantVector():
            return list(value.samples())
        case Scalar():
            return [((), value.value)]
        case _:
            raise ResultTypeError(type(value).__name__.lower())


def _record(rule: RecordingRule, memory: Memory, vector: Vector, *, limit: int) -> Evaluation:
    given = {METRIC_NAME: rule.name, **rule.labels}
    recorded = {}
    for series, value in vector:
        labels = label_set({**dict(series), **given})
        if labels in recorded:
            raise DuplicateLabelsError(labels)
        recorded[labels] = value
    if 0 < limit < len(recorded):
        raise LimitExceededError(limit, len(recorded), "series")
    return _evaluation(recorded, memory)


def _doubts(rule: AlertingRule, query: Query, asked_ms: int) -> Doubts:
    data_expr, resolve_expr = rule.data_expr, rule.resolve_expr

    def by_identity(expr: Expr) -> dict[LabelSet, float]:
        return {rule.terms.identity(labels): value for labels, value in query(expr, asked_ms)}

    return Doubts(
        data=lambda: None if data_expr is None else by_identity(data_expr),
        over=None if resolve_expr is None else lambda: by_identity(resolve_expr).keys(),
    )


def _alerts(
    rule: AlertingRule, memory: Memory, changes: Sequence[Change], *, limit: int
) -> Evaluation:
    active = dict(memory.active)
    for change in changes:
        if change.after is None or change.after.resolved_at_ms is not None:
            active.pop(change.fingerprint, None)
        else:
            active[change.fingerprint] = change.after
    if 0 < limit < len(active):
        raise LimitExceededError(limit, len(active), "alerts")
    return _evaluation(alert_samples(rule, active.values()), memory, active=active, changes=changes)


def alert_samples(rule: AlertingRule, active: Iterable[Episode]) -> dict[LabelSet, float]:
    """Return what is written of the active alerts of a rule, by series."""
    recorded: dict[LabelSet, float] = {}
    # A label whose template gives nothing is written as the template itself: so does Prometheus.
    templates = {name: text for name, text in rule.terms.labels.items() if "{{" in text}
    for episode in active:
        labels = {**templates, **dict(episode.labels)}
        named = {METRIC_NAME: ALERTS, STATE_LABEL: str(episode.state)}
        recorded[label_set({**labels, **named})] = 1.0
        since_seconds = float(episode.active_at_ms // 1000)
        recorded[label_set({**labels, METRIC_NAME: ALERTS_FOR_STATE})] = since_seconds
    return recorded


def _evaluation(
    recorded: Mapping[LabelSet, float],
    memory: Memory,
    *,
    active: Mapping[str, Episode] | None = None,
    changes: Sequence[Change] = (),
) -> Evaluation:
    if not recorded and not memory.series and not changes:
        return _NOTHING_HAPPENED
    series = frozenset(recorded)
    gone = [(labels, STALE_NAN) for labels in memory.series - series]
    return Evaluation(
        samples=[*recorded.items(), *gone],
        changes=changes,
        memory=Memory(active=active or {}, series=series),
    )
