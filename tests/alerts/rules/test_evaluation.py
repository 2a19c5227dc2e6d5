from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection, connections

from alerts.models import Alert, AlertState, Rule, RuleGroup, RuleHealth
from alerts.rules import evaluation, group_evaluation
from alerts.rules.changes import save_rule
from alerts.rules.claims import LEASE, claim_due_groups
from alerts.rules.group_evaluation import RuleOutcome
from alerts.rules.moments import milliseconds
from alerts.rules.states import State
from observability.metrics.backend import LocalBackend, MetricsBackend, get_backend
from observability.metrics.samples import batch_at
from observability.promql import QueryOptions, QueryResult
from observability.promql.options import AS_USUAL
from observability.promql.storage import Reading, Storage
from observability.promql.syntax import Expr
from tests.alerts.factories import NOW, AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ENDLESS = "{{ range 1000000 }}{{ range 1000000 }}{{ $x := 1 }}{{ end }}{{ end }}"


def record(value: float, *, at: datetime = NOW, host: str = "db", metric: str = "load") -> None:
    """Store a sample that every iteration which runs at `at` can see, wherever it is aligned."""
    labels = (("__name__", metric), ("host", host))
    get_backend().append(batch_at(milliseconds(at) - 15_000, [(labels, value)]))


def evaluate(at: datetime, backend: MetricsBackend | None = None) -> list[RuleOutcome]:
    return evaluation.evaluate_due_groups(
        backend=backend or get_backend(), clock=lambda: at, budget_seconds=5
    )


def states() -> list[str]:
    return list(Alert.objects.order_by("pk").values_list("state", flat=True))


class WrittenTables:
    """Collect the tables that are written to."""

    def __enter__(self) -> set[str]:
        self._tables: set[str] = set()
        self._wrapper = connection.execute_wrapper(self._note)
        self._wrapper.__enter__()
        return self._tables

    def __exit__(self, *exc_info: object) -> None:
        self._wrapper.__exit__(None, None, None)

    def _note(self, execute: Callable[..., object], sql: str, *args: object) -> object:
        words = sql.split()
        if words[0] in {"INSERT", "UPDATE", "DELETE"}:
            self._tables.add(words[1 if words[0] == "UPDATE" else 2].strip('"'))
        return execute(sql, *args)


def test_an_alert_goes_from_pending_to_firing_to_resolved() -> None:
    group = RuleGroupFactory.create(interval_ms=20_000)
    RuleFactory.create(group=group, expr="load > 1", hold_ms=40_000)
    seen = []

    for minute, value in enumerate([2.0, 2.0, 0.5]):
        record(value, at=NOW + minute * MINUTE - timedelta(seconds=5))
        evaluate(NOW + minute * MINUTE)
        seen += states()

    assert seen == [AlertState.PENDING, AlertState.FIRING, AlertState.RESOLVED]


def test_a_firing_alert_carries_labels_annotations_and_value() -> None:
    record(95.5)
    rule = RuleFactory.create(
        name="HighLoad",
        expr="load > 1",
        severity="critical",
        labels={"team": "storage"},
        annotations={"summary": "{{ $labels.host }} is at {{ $value }}"},
    )

    evaluate(NOW)

    alert = Alert.objects.get()
    assert alert.rule == rule
    assert alert.labels == {
        "alertname": "HighLoad",
        "host": "db",
        "severity": "critical",
        "team": "storage",
    }
    assert alert.annotations == {"summary": "db is at 95.5"}
    assert (alert.value, alert.fired_at, alert.name) == (95.5, alert.active_at, "HighLoad")


def test_a_pending_alert_that_vanishes_leaves_no_row() -> None:
    record(2.0)
    RuleFactory.create(expr="load > 1", hold_ms=60_000)
    evaluate(NOW)
    record(0.5, at=NOW + MINUTE)

    evaluate(NOW + MINUTE)

    assert states() == []


def test_a_new_episode_is_a_new_row() -> None:
    RuleFactory.create(expr="load > 1")

    for minute, value in enumerate([2.0, 0.5, 2.0]):
        record(value, at=NOW + minute * MINUTE)
        evaluate(NOW + minute * MINUTE)

    assert states() == [AlertState.RESOLVED, AlertState.FIRING]


def test_a_broken_rule_shows_its_error_and_does_not_stop_the_others() -> None:
    record(2.0)
    group = RuleGroupFactory.create()
    broken = RuleFactory.create(
        group=group, position=0, expr='label_replace(load, "a", "b", "c", "(")'
    )
    RuleFactory.create(group=group, position=1, expr="load > 1")

    evaluate(NOW)

    broken.refresh_from_db()
    assert broken.health == RuleHealth.ERROR
    assert broken.last_error
    assert states() == [AlertState.FIRING]


def test_too_many_alerts_are_an_error_before_anybody_writes_their_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_evaluation, "MAX_ALERTS", 2)
    monkeypatch.setattr(group_evaluation, "TEMPLATES_SECONDS", 60.0)
    for host in ("a", "b", "c"):
        record(2.0, host=host)
    crowd = RuleFactory.create(expr="load > 1", annotations={"summary": ENDLESS})

    evaluate(NOW)

    crowd.refresh_from_db()
    assert crowd.last_error == "exceeded limit of 2 with 3 alerts"
    assert states() == []


def test_templates_without_end_take_a_rule_no_longer_together_than_one_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_evaluation, "TEMPLATES_SECONDS", 0.1)
    for host in range(30):
        record(2.0, host=str(host))
    group = RuleGroupFactory.create()
    RuleFactory.create(
        group=group, position=0, name="Endless", expr="load > 1", annotations={"summary": ENDLESS}
    )
    RuleFactory.create(
        group=group,
        position=1,
        name="Fine",
        expr="load > 1",
        annotations={"summary": "{{ $value }}"},
    )

    evaluate(NOW)

    texts = Alert.objects.values_list("rule__name", "annotations__summary")
    assert [text for name, text in texts if name == "Fine"] == ["2"] * 30
    assert all(
        "takes longer than" in text or "take longer than 0.1 s together" in text
        for name, text in texts
        if name == "Endless"
    )


def test_an_error_keeps_the_alerts_as_they_are() -> None:
    record(2.0)
    rule = RuleFactory.create(expr="load > 1")
    evaluate(NOW)
    Rule.objects.filter(pk=rule.pk).update(expr="load > on")

    evaluate(NOW + MINUTE)

    rule.refresh_from_db()
    assert rule.health == RuleHealth.ERROR
    assert states() == [AlertState.FIRING]


def test_series_that_would_be_one_alert_are_an_error_of_the_rule() -> None:
    record(2.0, host="db")
    record(2.0, host="web")
    rule = RuleFactory.create(expr="load > 1", labels={"host": "all"})

    [outcome] = evaluate(NOW)

    rule.refresh_from_db()
    assert "same label set" in rule.last_error
    assert outcome.error == rule.last_error


def test_a_scalar_is_an_alert_without_labels_of_a_series() -> None:
    RuleFactory.create(expr="vector(1) > 0")

    evaluate(NOW)

    assert Alert.objects.get().labels == {"alertname": "HighLoad", "severity": "warning"}


def test_iterations_are_aligned_and_missed_ones_counted() -> None:
    group = RuleGroupFactory.create(interval_ms=60_000)
    RuleFactory.create(group=group)
    evaluate(NOW)
    group.refresh_from_db()
    first_due = group.next_evaluation_at

    evaluate(first_due + 3 * MINUTE + timedelta(seconds=5))

    group.refresh_from_db()
    assert group.evaluated_at == first_due + 3 * MINUTE
    assert group.next_evaluation_at == first_due + 4 * MINUTE
    assert group.missed_iterations == 3


def test_a_group_is_not_evaluated_before_it_is_due() -> None:
    RuleFactory.create()
    evaluate(NOW)

    assert evaluate(NOW) == []


def test_an_unchanged_iteration_writes_the_group_row_alone_besides_samples() -> None:
    record(2.0)
    group = RuleGroupFactory.create()
    for position in range(5):
        RuleFactory.create(group=group, position=position, name=f"Rule {position}")
    evaluate(NOW)

    with WrittenTables() as tables:
        evaluate(NOW + timedelta(seconds=20))

    assert tables == {"alerts_rulegroup"}


def test_a_disabled_rule_is_left_out() -> None:
    record(2.0)
    RuleFactory.create(enabled=False)

    assert evaluate(NOW) == []


def test_a_leased_group_is_left_to_its_worker() -> None:
    RuleFactory.create()
    claim_due_groups(now=NOW)

    assert evaluate(NOW) == []


def test_a_worker_that_was_too_slow_writes_nothing() -> None:
    record(2.0)
    RuleFactory.create()
    claims = claim_due_groups(now=NOW)
    evaluate(NOW + LEASE)
    Alert.objects.all().delete()

    outcomes = evaluation.evaluate_claims(claims, backend=get_backend(), clock=lambda: NOW)

    assert (outcomes, states()) == ([], [])


def test_slow_groups_that_were_claimed_together_are_recorded_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "TOGETHER_SECONDS", 0.0)
    record(2.0)
    for _ in range(2):
        RuleFactory.create()
    seen = []

    class Watching(LocalBackend):
        def read_together(self, readings: Iterable[Reading]) -> Storage:
            seen.append(len(states()))
            return super().read_together(readings)

    evaluate(NOW, Watching())

    assert seen == [0, 1]
    assert states() == [AlertState.FIRING] * 2


@pytest.mark.parametrize("count", [1, 3], ids=["alone", "in a family"])
def test_a_group_without_time_left_says_so(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    record(2.0)
    group = RuleGroupFactory.create()
    for _ in range(count):
        RuleFactory.create(group=group)
    monkeypatch.setattr(group_evaluation, "GROUP_TIMEOUT_SECONDS", -1.0)

    outcomes = evaluate(NOW)

    assert len(outcomes) == count
    assert all(outcome.error.startswith("not evaluated to the end") for outcome in outcomes)


def test_templates_use_up_the_time_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("a", "b", "c"):
        record(2.0, host=host)
    RuleFactory.create(annotations={"summary": '{{ query "load" | first | value }}'})
    asked = []

    class Later:
        """The clock of a minute later."""

        perf_counter = staticmethod(time.perf_counter)

        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + 60.0

    class Slow(LocalBackend):
        def query(
            self,
            expr: Expr | str,
            *,
            at_ms: int,
            options: QueryOptions = AS_USUAL,
            storage: Storage | None = None,
        ) -> QueryResult:
            asked.append(str(expr))
            result = super().query(expr, at_ms=at_ms, options=options, storage=storage)
            if len(asked) == 2:
                monkeypatch.setattr(group_evaluation, "time", Later)
            return result

    [outcome] = evaluate(NOW, Slow())

    assert outcome.error.startswith("not evaluated to the end")
    assert asked == ["load > 1", "load"]


def test_a_rule_that_was_edited_during_its_query_is_not_judged_by_the_old_one() -> None:
    record(2.0)
    rule = RuleFactory.create(expr="load > 1")

    class EditingBackend(LocalBackend):
        def read_together(self, readings: Iterable[Reading]) -> Storage:
            storage = super().read_together(readings)
            if rule.expr != "load > 5":
                rule.expr = "load > 5"
                save_rule(rule, now=NOW)
            return storage

    outcomes = evaluate(NOW, EditingBackend())

    assert [outcome.rule.expr for outcome in outcomes] == ["load > 5"]
    assert states() == []


def test_evaluation_on_demand_does_not_wait_for_the_interval() -> None:
    record(2.0)
    rule = RuleFactory.create()
    evaluate(NOW)

    [outcome] = evaluation.evaluate_all_groups(
        backend=get_backend(), clock=lambda: NOW + timedelta(milliseconds=1), wait_seconds=0
    )

    assert outcome.rule == rule
    assert outcome.active[State.FIRING] == 1


@pytest.fixture
def two_workers() -> Callable[[Callable[[], object]], list[object]]:
    """Run a function in two threads at once, each with a connection of its own."""

    def run(function: Callable[[], object]) -> list[object]:
        results: list[object] = []
        start = threading.Barrier(2)

        def work() -> None:
            try:
                start.wait(timeout=10)
                results.append(function())
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        return results

    return run


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_evaluate_one_iteration_twice(
    two_workers: Callable[[Callable[[], object]], list[list[RuleOutcome]]],
) -> None:
    record(2.0)
    for number in range(6):
        RuleFactory.create(name=f"Rule {number}")

    first, second = two_workers(lambda: evaluate(NOW))

    evaluated = [outcome.rule.name for outcome in [*first, *second]]
    assert sorted(evaluated) == [f"Rule {number}" for number in range(6)]
    assert states() == [AlertState.FIRING] * 6


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_loses_its_connection_leaves_the_group_to_the_next() -> None:
    record(2.0)
    RuleFactory.create()
    killed = threading.Event()

    class KilledBackend(LocalBackend):
        def read_together(self, readings: Iterable[Reading]) -> Storage:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pid.append(cursor.fetchone()[0])
            ready.set()
            killed.wait(timeout=10)
            return super().read_together(readings)

    pid: list[int] = []
    ready = threading.Event()
    problems: list[InterfaceError | OperationalError] = []

    def work() -> None:
        try:
            claims = claim_due_groups(now=NOW)
            evaluation.evaluate_claims(claims, backend=KilledBackend(), clock=lambda: NOW)
        except (InterfaceError, OperationalError) as error:
            problems.append(error)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    ready.wait(timeout=10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", pid)
    killed.set()
    worker.join(timeout=30)
    held = evaluate(NOW)

    evaluate(NOW + LEASE)

    assert problems
    assert held == []
    assert states() == [AlertState.FIRING]
    assert RuleGroup.objects.get().lease_until is None


def test_state_is_kept_over_a_restart() -> None:
    rule = RuleFactory.create(expr="load > 1", hold_ms=120_000)
    AlertFactory.create(
        rule=rule,
        labels={"alertname": "HighLoad", "host": "db", "severity": "warning"},
        state=AlertState.PENDING,
        active_at=NOW - 2 * MINUTE,
    )
    record(2.0)

    evaluate(NOW)

    assert states() == [AlertState.FIRING]


def test_groups_that_are_just_due_wait_for_others() -> None:
    first = RuleGroupFactory.create(name="First", interval_ms=60_000, next_evaluation_at=NOW)
    later = NOW + timedelta(seconds=1)
    second = RuleGroupFactory.create(name="Second", interval_ms=60_000, next_evaluation_at=later)
    for group in (first, second):
        RuleFactory.create(group=group)

    def evaluated(after: float) -> list[str]:
        outcomes = evaluation.evaluate_due_groups(
            backend=get_backend(),
            clock=lambda: NOW + timedelta(seconds=after),
            budget_seconds=5,
            is_patient=True,
        )
        return [outcome.rule.group.name for outcome in outcomes]

    assert evaluated(1.4) == []
    assert evaluated(1.6) == ["First", "Second"]


def test_a_group_of_a_short_interval_waits_but_a_tenth_of_it() -> None:
    group = RuleGroupFactory.create(interval_ms=1_000, next_evaluation_at=NOW)

    assert not RuleGroup.objects.ripe(at=NOW + timedelta(milliseconds=90)).exists()
    assert RuleGroup.objects.ripe(at=NOW + timedelta(milliseconds=110)).get() == group
