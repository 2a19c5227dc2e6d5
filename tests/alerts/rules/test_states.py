from __future__ import annotations

import pytest

from alerts.rules.errors import DuplicateLabelsError
from alerts.rules.expansion import expander
from alerts.rules.states import (
    NO_DOUBTS,
    Change,
    Doubts,
    Episode,
    Otherwise,
    State,
    Terms,
    advance,
    advance_on_error,
)
from observability.promql.errors import ExecutionError
from observability.promql.labels import LabelSet
from observability.promql.values import Value

DB: LabelSet = (("__name__", "load"), ("host", "db"))
WEB: LabelSet = (("__name__", "load"), ("host", "web"))


def no_query(expr: str, at_ms: int) -> Value:
    raise ExecutionError("there are no samples")


EXPAND = expander(name="HighLoad", at_ms=0, query=no_query, external_url="")


class Rule:
    """One rule with its alerts, evaluated again and again."""

    def __init__(
        self,
        *,
        hold_ms: int = 0,
        keep_firing_ms: int = 0,
        on_no_data: Otherwise = Otherwise.RESOLVE,
        on_error: Otherwise = Otherwise.KEEP,
        **annotations: str,
    ) -> None:
        self.terms = Terms(
            on_no_data=on_no_data,
            on_error=on_error,
            hold_ms=hold_ms,
            keep_firing_ms=keep_firing_ms,
            labels={"alertname": "HighLoad"},
            annotations=annotations,
        )
        self.active: dict[str, Episode] = {}

    def at(
        self, at_ms: int, *vector: tuple[LabelSet, float], doubts: Doubts = NO_DOUBTS
    ) -> list[Change]:
        return self._take(
            advance(
                self.active, vector, terms=self.terms, at_ms=at_ms, expand=EXPAND, doubts=doubts
            )
        )

    def fails(self, at_ms: int) -> list[Change]:
        return self._take(
            advance_on_error(self.active, terms=self.terms, at_ms=at_ms, expand=EXPAND)
        )

    def _take(self, changes: list[Change]) -> list[Change]:
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


def test_a_new_value_is_no_news() -> None:
    rule = Rule(summary="{{ $value }}")
    rule.at(0, (DB, 2.0))

    [change] = rule.at(15_000, (DB, 3.0))

    assert change.after is not None
    assert change.after.annotations == {"summary": "3"}
    assert not change.concerns_people


def test_each_series_has_an_alert_of_its_own() -> None:
    rule = Rule(hold_ms=30_000)
    rule.at(0, (DB, 2.0))
    rule.at(15_000, (DB, 2.0), (WEB, 3.0))

    rule.at(30_000, (DB, 2.0), (WEB, 3.0))

    assert sorted(rule.states()) == [State.FIRING, State.PENDING]


def test_labels_of_the_rule_go_over_those_of_the_series() -> None:
    terms = Terms(labels={"alertname": "A", "host": "all", "job": ""}, annotations={})

    [change] = advance(
        {}, [((("host", "db"), ("job", "x")), 1.0)], terms=terms, at_ms=0, expand=EXPAND
    )

    assert change.after is not None
    assert dict(change.after.labels) == {"alertname": "A", "host": "all"}


def test_series_that_would_be_one_alert_are_an_error() -> None:
    terms = Terms(labels={"alertname": "A", "host": "all"}, annotations={})

    with pytest.raises(DuplicateLabelsError, match="same label set"):
        advance({}, [(DB, 1.0), (WEB, 1.0)], terms=terms, at_ms=0, expand=EXPAND)


DB_ITSELF: LabelSet = (("host", "db"),)


def judging(*identities: LabelSet, over: tuple[LabelSet, ...] | None = None) -> Doubts:
    """What a rule can ask: these series are there, and these are over."""
    return Doubts(
        data=lambda: dict.fromkeys(identities, 1.5),
        over=None if over is None else lambda: frozenset(over),
    )


def test_a_firing_alert_waits_for_its_own_resolve_condition() -> None:
    rule = Rule()
    rule.at(0, (DB, 2.0))

    rule.at(1000, doubts=judging(DB_ITSELF, over=()))
    still = [(one.state, one.value) for one in rule.active.values()]
    [change] = rule.at(2000, doubts=judging(DB_ITSELF, over=(DB_ITSELF,)))

    assert still == [(State.FIRING, 1.5)]
    assert change.entered is State.RESOLVED


def test_a_pending_alert_does_not_wait_for_the_resolve_condition() -> None:
    rule = Rule(hold_ms=60_000)
    rule.at(0, (DB, 2.0))

    rule.at(1000, doubts=judging(DB_ITSELF, over=()))

    assert rule.states() == []


@pytest.mark.parametrize("hold_ms", [0, 60_000], ids=["firing", "pending"])
def test_an_alert_without_data_is_kept_as_it_is(hold_ms: int) -> None:
    rule = Rule(hold_ms=hold_ms, on_no_data=Otherwise.KEEP)
    rule.at(0, (DB, 2.0))
    [before] = rule.states()

    rule.at(60_000, doubts=judging())
    rule.at(120_000, doubts=judging())

    [alert] = rule.active.values()
    assert (alert.state, alert.no_data_since_ms) == (before, 60_000)


def test_data_that_come_back_decide_again() -> None:
    rule = Rule(on_no_data=Otherwise.KEEP)
    rule.at(0, (DB, 2.0))
    rule.at(1000, doubts=judging())

    [back] = rule.at(2000, (DB, 2.0))
    [over] = rule.at(3000, doubts=judging(DB_ITSELF))

    assert back.after is not None
    assert back.after.no_data_since_ms is None
    assert over.entered is State.RESOLVED


def test_a_pending_alert_without_data_fires_when_the_rule_says_so() -> None:
    rule = Rule(hold_ms=60_000, on_no_data=Otherwise.FIRE)
    rule.at(0, (DB, 2.0))

    rule.at(60_000, doubts=judging())

    assert State.FIRING in rule.states()


def test_a_rule_may_fire_when_there_are_no_data_at_all() -> None:
    rule = Rule(on_no_data=Otherwise.FIRE)

    [raised] = rule.at(0, doubts=judging())
    [over] = rule.at(1000, doubts=judging(DB_ITSELF))

    assert raised.after is not None
    assert dict(raised.after.labels) == {"alertname": "HighLoad"}
    assert over.entered is State.RESOLVED


def test_series_that_end_resolve_as_in_prometheus() -> None:
    rule = Rule()
    rule.at(0, (DB, 2.0))

    [change] = rule.at(1000, doubts=judging())

    assert change.entered is State.RESOLVED


def test_an_alert_whose_severity_follows_the_value_changes_place() -> None:
    rule = Rule(on_no_data=Otherwise.KEEP)
    rule.terms = Terms(
        labels={"alertname": "A", "severity": "{{ if gt $value 5.0 }}bad{{ else }}fair{{ end }}"},
        annotations={},
        on_no_data=Otherwise.KEEP,
    )
    rule.at(0, (DB, 9.0))

    rule.at(1000, (DB, 2.0), doubts=judging(DB_ITSELF))

    assert [dict(one.labels)["severity"] for one in rule.active.values()] == ["fair"]


@pytest.mark.parametrize(
    ("on_error", "after"),
    [
        (Otherwise.KEEP, [State.FIRING]),
        (Otherwise.RESOLVE, []),
        (Otherwise.FIRE, [State.FIRING, State.FIRING]),
    ],
    ids=["keep", "resolve", "fire"],
)
def test_an_error_does_what_the_rule_says(on_error: Otherwise, after: list[State]) -> None:
    rule = Rule(on_error=on_error)
    rule.at(0, (DB, 2.0))

    rule.fails(1000)

    assert rule.states() == after
