"""How the alerts of one rule move between inactive, pending, firing and resolved.

Nothing here knows where alerts are kept: what was active before and what the expression
gives now go in, changes come out. No change means that nothing need be written.

Source: Prometheus, rules/alerting.go (`AlertingRule.Eval`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from alerts.rules.annotations import render
from alerts.rules.errors import DuplicateLabelsError
from alerts.rules.fingerprints import fingerprint_of
from observability.promql.labels import LabelSet, drop_metric_name, label_set


class State(StrEnum):
    """Where an alert stands; an inactive one is not there at all."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a rule says about its alerts, its expression apart.

    Attributes:
        hold_ms: How long the expression must give a result before the alert fires (`for`).
        keep_firing_ms: How long it goes on firing after the last result (`keep_firing_for`).
        labels: Given to every alert, over those of the series; templates, of which '' takes a
            label away.
        annotations: Templates, see `alerts.rules.annotations`.
    """

    hold_ms: int = 0
    keep_firing_ms: int = 0
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


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
        resolved_at_ms: When it was resolved; None before.
    """

    labels: LabelSet
    annotations: Mapping[str, str]
    value: float
    state: State
    active_at_ms: int
    fired_at_ms: int | None = None
    keep_firing_since_ms: int | None = None
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
        """Whether it has just fired or been resolved, or fires with other annotations."""
        if self.after is None or self.after.state is State.PENDING:
            return False
        return (
            self.before is None
            or self.before.state is not self.after.state
            or self.before.annotations != self.after.annotations
        )


def advance(
    active: Mapping[str, Episode],
    vector: Iterable[tuple[LabelSet, float]],
    *,
    terms: Terms,
    at_ms: int,
    expand: Expand = render,
) -> list[Change]:
    """Return what an evaluation at `at_ms` changes, in no particular order.

    Args:
        active: Pending and firing alerts of the rule, by fingerprint.
        vector: What the expression gives.
        terms: What the rule says about its alerts.
        at_ms: The time as of which the expression was evaluated.
        expand: Fills in templates.

    Raises:
        DuplicateLabelsError: Two series would be the same alert; nothing changes then.
    """
    results = _results(vector, terms=terms, at_ms=at_ms, expand=expand)
    changes = []
    for key in results.keys() | active.keys():
        before = active.get(key)
        after = _next(before, results.get(key), terms=terms, at_ms=at_ms)
        if not _is_same(before, after):
            changes.append(Change(fingerprint=key, before=before, after=after))
    return changes


def _results(
    vector: Iterable[tuple[LabelSet, float]], *, terms: Terms, at_ms: int, expand: Expand
) -> dict[str, Episode]:
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
                name: expand(text, labels=named, value=value)
                for name, text in terms.annotations.items()
            },
            value=value,
            state=State.PENDING,
            active_at_ms=at_ms,
        )
    return results


def _next(
    before: Episode | None, result: Episode | None, *, terms: Terms, at_ms: int
) -> Episode | None:
    if result is None:
        return before and _without_result(before, terms=terms, at_ms=at_ms)
    current = result
    if before is not None:
        current = replace(
            before,
            value=result.value,
            annotations=result.annotations,
            keep_firing_since_ms=None,
        )
    if current.state is State.PENDING and at_ms - current.active_at_ms >= terms.hold_ms:
        current = replace(current, state=State.FIRING, fired_at_ms=at_ms)
    return current


def _without_result(before: Episode, *, terms: Terms, at_ms: int) -> Episode | None:
    if before.state is State.PENDING:
        return None
    since_ms = before.keep_firing_since_ms
    if terms.keep_firing_ms > 0 and since_ms is None:
        since_ms = at_ms
    if since_ms is not None and at_ms - since_ms < terms.keep_firing_ms:
        return replace(before, keep_firing_since_ms=since_ms)
    return replace(before, state=State.RESOLVED, resolved_at_ms=at_ms)


def _is_same(before: Episode | None, after: Episode | None) -> bool:
    """Compare as `==` does, but let NaN equal NaN, so that it is not written again and again."""
    if before is None or after is None:
        return before is after
    if math.isnan(before.value) and math.isnan(after.value):
        return replace(before, value=0.0) == replace(after, value=0.0)
    return before == after
