"""How the alerts of one rule move between inactive, pending, firing and resolved.

Nothing here knows where alerts are kept: what was active before and what the expression
gives now go in, changes come out. No change means that nothing need be written.

Source: Prometheus, rules/alerting.go (`AlertingRule.Eval`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypeAlias

from alerts.rules.errors import DuplicateLabelsError
from alerts.rules.fingerprints import fingerprint_of
from observability.promql.labels import METRIC_NAME, LabelSet, drop_metric_name, label_set


class State(StrEnum):
    """Where an alert stands; an inactive one is not there at all."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Otherwise(StrEnum):
    """What becomes of alerts when an evaluation cannot tell."""

    KEEP = "keep"
    FIRE = "fire"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a rule says about its alerts, its expression apart.

    Attributes:
        hold_ms: How long the expression must give a result before the alert fires (`for`).
        keep_firing_ms: How long it goes on firing after the last result (`keep_firing_for`).
        labels: Given to every alert, over those of the series; templates, of which '' takes a
            label away.
        annotations: Templates.
        on_no_data: What becomes of an alert whose series are gone; Prometheus resolves it.
        on_error: What becomes of alerts when the expression has no value; Prometheus keeps them.
    """

    hold_ms: int = 0
    keep_firing_ms: int = 0
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    on_no_data: Otherwise = Otherwise.RESOLVE
    on_error: Otherwise = Otherwise.KEEP

    def identity(self, labels: LabelSet) -> LabelSet:
        """Return the labels that an alert has from its series, and not from the rule."""
        return tuple(
            pair for pair in labels if pair[0] not in self.labels and pair[0] != METRIC_NAME
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What is asked only when an active alert gets no result: is its condition over?

    Attributes:
        data: Gives the series that the rule judges, by identity (see `Terms`), with their
            values; None where an expression cannot be without data.
        over: Gives the identities whose own resolve condition holds; None where the end of
            the condition resolves.
    """

    data: Callable[[], Mapping[LabelSet, float] | None]
    over: Callable[[], AbstractSet[LabelSet]] | None = None


Vector: TypeAlias = Iterable[tuple[LabelSet, float]]

NO_DOUBTS = Doubts(data=lambda: None)


class Expand(Protocol):
    """Fills in a template."""

    def __call__(self, text: str, *, labels: Mapping[str, str], value: float) -> str:
        """Return the text for a series with these labels, metric name included, and value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One alert, from the first result on.

    Attributes:
        labels: The alert's label set, alertname included.
        annotations: As rendered at the last result.
        value: What the expression gave last.
        state: Where it stands.
        active_at_ms: Time of the first result.
        fired_at_ms: When it began to fire; None while it is pending.
        keep_firing_since_ms: First evaluation without a result while it goes on firing.
        no_data_since_ms: First evaluation without its series while it stays as it is.
        resolved_at_ms: When it was resolved; None before.
    """

    labels: LabelSet
    annotations: Mapping[str, str]
    value: float
    state: State
    active_at_ms: int
    fired_at_ms: int | None = None
    keep_firing_since_ms: int | None = None
    no_data_since_ms: int | None = None
    resolved_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one evaluation has changed about one alert.

    Attributes:
        fingerprint: Of the alert's labels.
        before: How it was; None when it has just become active.
        after: How it is; None when it was pending and has gone away.
    """

    fingerprint: str
    before: Episode | None
    after: Episode | None

    @property
    def entered(self) -> State | None:
        """The state that the alert has just come to; None when it stays or goes away."""
        if self.after is None or (self.before and self.before.state is self.after.state):
            return None
        return self.after.state

    @property
    def concerns_people(self) -> bool:
        """Whether it has just fired or been resolved."""
        return self.entered in (State.FIRING, State.RESOLVED)


def advance(
    active: Mapping[str, Episode],
    vector: Vector,
    *,
    terms: Terms,
    at_ms: int,
    expand: Expand,
    doubts: Doubts = NO_DOUBTS,
) -> list[Change]:
    """Return what an evaluation at `at_ms` changes, in no particular order.

    Args:
        active: Pending and firing alerts of the rule, by fingerprint.
        vector: What the expression gives.
        terms: What the rule says about its alerts.
        at_ms: The time as of which the expression was evaluated.
        expand: Fills in templates.
        doubts: What is to be known of alerts that get no result.

    Raises:
        DuplicateLabelsError: Two series would be the same alert; nothing changes then.
    """
    results = _results(vector, terms=terms, at_ms=at_ms, expand=expand)
    if not results and terms.on_no_data is Otherwise.FIRE and _is_without_data(doubts):
        results = _results([_NO_SERIES], terms=terms, at_ms=at_ms, expand=expand)
    verdicts = _Verdicts(terms, doubts, at_ms)
    changes = []
    for key in results.keys() | active.keys():
        before = active.get(key)
        result = results.get(key)
        if result is not None:
            after: Episode | None = _with_result(before, result, terms=terms, at_ms=at_ms)
        else:
            after = verdicts.of(active[key])
        if not _is_same(before, after):
            changes.append(Change(fingerprint=key, before=before, after=after))
    return changes


def advance_on_error(
    active: Mapping[str, Episode], *, terms: Terms, at_ms: int, expand: Expand
) -> list[Change]:
    """Return what an evaluation that failed changes, as the rule says in `on_error`."""
    after: dict[str, Episode | None] = {}
    match terms.on_error:
        case Otherwise.KEEP:
            return []
        case Otherwise.RESOLVE:
            after = {key: _ended(before, at_ms=at_ms) for key, before in active.items()}
        case Otherwise.FIRE:
            raised = _results([_NO_SERIES], terms=terms, at_ms=at_ms, expand=expand)
            after = {
                key: _with_result(
                    active.get(key), active.get(key) or raised[key], terms=terms, at_ms=at_ms
                )
                for key in raised.keys() | active.keys()
            }
    return [
        Change(fingerprint=key, before=active.get(key), after=episode)
        for key, episode in after.items()
        if not _is_same(active.get(key), episode)
    ]


# What fires for a rule that cannot tell: an alert with the labels of the rule alone.
_NO_SERIES: tuple[LabelSet, float] = ((), math.nan)


def _is_without_data(doubts: Doubts) -> bool:
    data = doubts.data()
    return data is not None and not data


class _Verdicts:
    """Says what becomes of alerts that get no result."""

    def __init__(self, terms: Terms, doubts: Doubts, at_ms: int) -> None:
        self._terms = terms
        self._doubts = doubts
        self._at_ms = at_ms
        self._answers: tuple[Mapping[LabelSet, float] | None, AbstractSet[LabelSet]] | None = None

    def of(self, before: Episode) -> Episode | None:
        """Return what an alert is from now on; None when it was pending and goes away."""
        if self._terms.on_no_data is Otherwise.RESOLVE and self._doubts.over is None:
            return self._without_result(before)
        data, over = self._ask()
        identity = self._terms.identity(before.labels)
        # One that stands for the lack of all data has the identity of no series.
        has_data = data is None or identity in data or (not identity and bool(data))
        if not has_data:
            return self._without_data(before)
        if self._doubts.over is None or before.state is State.PENDING or identity in over:
            return self._without_result(before)
        value = before.value if data is None else data.get(identity, before.value)
        return replace(before, value=value, no_data_since_ms=None)

    def _ask(self) -> tuple[Mapping[LabelSet, float] | None, AbstractSet[LabelSet]]:
        if self._answers is None:
            over = self._doubts.over() if self._doubts.over else frozenset()
            self._answers = (self._doubts.data(), over)
        return self._answers

    def _without_data(self, before: Episode) -> Episode | None:
        match self._terms.on_no_data:
            case Otherwise.RESOLVE:
                return self._without_result(before)
            case Otherwise.FIRE:
                after = _with_result(before, before, terms=self._terms, at_ms=self._at_ms)
            case Otherwise.KEEP:
                after = before
        if after.no_data_since_ms is None:
            after = replace(after, no_data_since_ms=before.no_data_since_ms or self._at_ms)
        return after

    def _without_result(self, before: Episode) -> Episode | None:
        at_ms, terms = self._at_ms, self._terms
        if before.state is State.PENDING:
            return None
        since_ms = before.keep_firing_since_ms
        if terms.keep_firing_ms > 0 and since_ms is None:
            since_ms = at_ms
        if since_ms is not None and at_ms - since_ms < terms.keep_firing_ms:
            return replace(before, keep_firing_since_ms=since_ms, no_data_since_ms=None)
        return _ended(before, at_ms=at_ms)


def _results(vector: Vector, *, terms: Terms, at_ms: int, expand: Expand) -> dict[str, Episode]:
    """Return each series as the alert that it would be if it were new, by fingerprint."""
    results: dict[str, Episode] = {}
    for series, value in vector:
        named = dict(series)
        given = {
            name: expand(text, labels=named, value=value) if "{{" in text else text
            for name, text in terms.labels.items()
        }
        labels = label_set({**dict(drop_metric_name(series)), **given})
        key = fingerprint_of(labels)
        if key in results:
            raise DuplicateLabelsError(labels)
        results[key] = Episode(
            labels=labels,
            annotations={
                name: expand(text, labels=named, value=value) if "{{" in text else text
                for name, text in terms.annotations.items()
            },
            value=value,
            state=State.PENDING,
            active_at_ms=at_ms,
        )
    return results


def _with_result(before: Episode | None, result: Episode, *, terms: Terms, at_ms: int) -> Episode:
    current = result
    if before is not None:
        current = replace(
            before,
            value=result.value,
            annotations=result.annotations,
            keep_firing_since_ms=None,
            no_data_since_ms=None,
        )
    if current.state is State.PENDING and at_ms - current.active_at_ms >= terms.hold_ms:
        current = replace(current, state=State.FIRING, fired_at_ms=at_ms)
    return current


def _ended(before: Episode, *, at_ms: int) -> Episode | None:
    if before.state is State.PENDING:
        return None
    return replace(before, state=State.RESOLVED, resolved_at_ms=at_ms, no_data_since_ms=None)


def _is_same(before: Episode | None, after: Episode | None) -> bool:
    """Compare as `==` does, but let NaN equal NaN, so that it is not written again and again."""
    if before is None or after is None:
        return before is after
    if math.isnan(before.value) and math.isnan(after.value):
        return replace(before, value=0.0) == replace(after, value=0.0)
    return before == after
