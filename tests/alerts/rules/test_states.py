from __future__ import annotations

import pytest

from alerts.rules.errors import DuplicateLabelsError
from alerts.rules.states import Change, Episode, State, Terms, advance
from observability.promql.labels import LabelSet

DB: LabelSet = (("__name__", "load"), ("host", "db"))
WEB: LabelSet = (("__name__", "load"), ("host", "web"))


class Rule:
    """One rule with its alerts, evaluated again and again."""

    def __init__(self, *, hold_ms: int = 0, keep_firing_ms: int = 0, **annotations: str) -> None:
        self.terms = Terms(
            hold_ms=hold_ms,
            keep_firing_ms=keep_firing_ms,
            labels={"alertname": "HighLoad"},
            annotations=annotations,
        )
        self.active: dict[str, Episode] = {}

    def at(self, at_ms: int, *vector: tuple[LabelSet, float]) -> list[Change]:
        changes = advance(self.active, vector, terms=self.terms, at_ms=at_ms)
        for change in changes:
            if change.after is None or change.after.state is State.RESOLVED:
                del self.active[change.fingerprint]
            else:
                self.active[change.fingerprint] = change.after
        return changes

    def states(self) -> list[State]:
        return [episode.state for episode in self.active.values()]


def test_an_alert_fires_at_once_without_a_hold_duration() -> None:
    rule = Rule()

    [change] = rule.at(1000, (DB, 2.0))

    assert change.after is not None
    assert change.entered is State.FIRING
    assert change.after.fired_at_ms == 1000
    assert dict(change.after.labels) == {"alertname": "HighLoad", "host": "db"}


def test_alert_stays_pending_until_hold_duration_has_passed() -> None:
    rule = Rule(hold_ms=60_000)
    rule.at(0, (DB, 2.0))

    rule.at(59_999, (DB, 2.0))
    before = rule.states()
    rule.at(60_000, (DB, 2.0))

    assert before == [State.PENDING]
    assert rule.states() == [State.FIRING]


def test_a_pending_alert_without_a_result_goes_away() -> None:
    rule = Rule(hold_ms=60_000)
    rule.at(0, (DB, 2.0))

    [change] = rule.at(15_000)

    assert change.after is None
    assert not change.concerns_people


def test_a_firing_alert_without_a_result_is_resolved() -> None:
    rule = Rule()
    rule.at(0, (DB, 2.0))

    [change] = rule.at(15_000)

    assert change.after is not None
    assert change.entered is State.RESOLVED
    assert change.after.resolved_at_ms == 15_000
    assert change.concerns_people


def test_an_alert_goes_on_firing_for_as_long_as_the_rule_says() -> None:
    rule = Rule(keep_firing_ms=30_000)
    rule.at(0, (DB, 2.0))

    rule.at(15_000)
    rule.at(44_999)
    before = rule.states()
    rule.at(45_000)

    assert before == [State.FIRING]
    assert rule.states() == []


def test_a_result_starts_the_time_of_firing_on_anew() -> None:
    rule = Rule(keep_firing_ms=30_000)
    rule.at(0, (DB, 2.0))
    rule.at(15_000)
    rule.at(30_000, (DB, 2.0))

    rule.at(45_000)
    rule.at(60_000)

    assert rule.states() == [State.FIRING]


def test_nothing_changes_when_nothing_changes() -> None:
    rule = Rule(summary="at {{ $value }}")
    rule.at(0, (DB, 2.0))

    assert rule.at(15_000, (DB, 2.0)) == []


def test_nan_is_the_same_value_as_nan() -> None:
    rule = Rule()
    rule.at(0, (DB, float("nan")))

    assert rule.at(15_000, (DB, float("nan"))) == []


def test_a_new_value_concerns_people_only_when_an_annotation_shows_it() -> None:
    silent, telling = Rule(summary="high"), Rule(summary="at {{ $value }}")
    silent.at(0, (DB, 2.0))
    telling.at(0, (DB, 2.0))

    [unheard] = silent.at(15_000, (DB, 3.0))
    [heard] = telling.at(15_000, (DB, 3.0))

    assert not unheard.concerns_people
    assert heard.concerns_people


def test_each_series_has_an_alert_of_its_own() -> None:
    rule = Rule(hold_ms=30_000)
    rule.at(0, (DB, 2.0))
    rule.at(15_000, (DB, 2.0), (WEB, 3.0))

    rule.at(30_000, (DB, 2.0), (WEB, 3.0))

    assert sorted(rule.states()) == [State.FIRING, State.PENDING]


def test_labels_of_the_rule_go_over_those_of_the_series() -> None:
    terms = Terms(labels={"alertname": "A", "host": "all", "job": ""}, annotations={})

    [change] = advance({}, [((("host", "db"), ("job", "x")), 1.0)], terms=terms, at_ms=0)

    assert change.after is not None
    assert dict(change.after.labels) == {"alertname": "A", "host": "all"}


def test_series_that_would_be_one_alert_are_an_error() -> None:
    terms = Terms(labels={"alertname": "A", "host": "all"}, annotations={})

    with pytest.raises(DuplicateLabelsError, match="same label set"):
        advance({}, [(DB, 1.0), (WEB, 1.0)], terms=terms, at_ms=0)
