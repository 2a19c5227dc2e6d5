"""What rules write into the store: recorded series, ALERTS, and the ends of both."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alerts.models import Alert, AlertState, Rule, RuleHealth, RuleKind
from alerts.rules import evaluation, recorded_series
from alerts.rules.changes import delete_rules, save_rule
from alerts.rules.group_evaluation import RuleOutcome
from alerts.rules.moments import milliseconds
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.promql.values import InstantVector
from tests.alerts.factories import RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

STEP = timedelta(seconds=15)


@pytest.fixture
def now() -> datetime:
    # Samples that are written belong to the present; the store takes others for late ones. Rules
    # that a test makes are older than that.
    return timezone.now().replace(microsecond=0) + timedelta(seconds=2)


def record(metric: str, at: datetime, **values: float) -> None:
    samples = [((("__name__", metric), ("host", host)), value) for host, value in values.items()]
    get_backend().append(batch_at(milliseconds(at), samples))


def evaluate(at: datetime) -> list[RuleOutcome]:
    return evaluation.evaluate_all_groups(backend=get_backend(), clock=lambda: at, wait_seconds=0)


def found(expr: str, at: datetime) -> dict[str, float]:
    """The result of an expression by its labels, as text."""
    value = get_backend().query(expr, at_ms=milliseconds(at)).value
    assert isinstance(value, InstantVector)
    return {
        ",".join(f"{name}={text}" for name, text in labels if name != "__name__"): number
        for labels, number in value.samples()
    }


def test_a_recording_rule_writes_series_of_its_own(now: datetime) -> None:
    record("rec_cpu", now, a=1.0, b=3.0)
    group = RuleGroupFactory.create(labels={"zone": "eu"})
    RuleFactory.create(
        group=group, kind=RuleKind.RECORDING, name="rec:cpu:sum", expr="sum(rec_cpu)",
        labels={"team": "x"},
    )  # fmt: skip

    evaluate(now)

    assert found("rec:cpu:sum", now) == {"team=x,zone=eu": 4.0}


@pytest.mark.parametrize("remembers", [True, False], ids=["same process", "another process"])
def test_a_recorded_series_ends_with_what_it_was_made_of(now: datetime, remembers: bool) -> None:
    record("end_cpu", now, a=1.0, b=3.0)
    RuleFactory.create(kind=RuleKind.RECORDING, name="end:cpu", expr="end_cpu > 2")
    evaluate(now)
    if not remembers:
        recorded_series._kept.clear()
    record("end_cpu", now + STEP, a=5.0, b=1.0)

    evaluate(now + STEP)

    assert found("end:cpu", now + STEP) == {"host=a": 5.0}


def test_a_recorded_series_ends_though_its_rule_has_failed_meanwhile(now: datetime) -> None:
    record("fail_cpu", now, a=1.0, b=3.0)
    group = RuleGroupFactory.create(limit=2)
    RuleFactory.create(group=group, kind=RuleKind.RECORDING, name="fail:cpu", expr="fail_cpu > 0")
    evaluate(now)
    record("fail_cpu", now + STEP, a=1.0, b=1.0, c=1.0)
    failed = evaluate(now + STEP)
    record("fail_cpu", now + 2 * STEP, a=5.0, b=-1.0, c=-1.0)

    evaluate(now + 2 * STEP)

    assert [bool(outcome.error) for outcome in failed] == [True]
    assert found("fail:cpu", now + 2 * STEP) == {"host=a": 5.0}


def test_a_resolve_condition_reads_what_was_just_recorded(now: datetime) -> None:
    group = RuleGroupFactory.create()
    RuleFactory.create(group=group, kind=RuleKind.RECORDING, name="calm:cpu", expr="calm_cpu < 80")
    RuleFactory.create(
        group=group, position=1, name="Calm", expr="calm_cpu > 90", resolve_expr="calm:cpu"
    )
    record("calm_cpu", now, a=95.0)
    evaluate(now)
    record("calm_cpu", now + STEP, a=70.0)

    evaluate(now + STEP)

    assert Alert.objects.get().state == AlertState.RESOLVED


def test_a_rule_reads_what_the_rules_before_it_have_just_written(now: datetime) -> None:
    record("chain_cpu", now, a=2.0)
    group = RuleGroupFactory.create()
    RuleFactory.create(
        group=group, position=0, kind=RuleKind.RECORDING, name="chain:double", expr="chain_cpu * 2"
    )
    RuleFactory.create(group=group, position=1, name="Doubled", expr="chain:double > 3")
    RuleFactory.create(
        group=group, position=2, name="Follows", expr='ALERTS{alertname="Doubled"} == 1'
    )

    outcomes = evaluate(now)

    assert [outcome.error for outcome in outcomes] == ["", "", ""]
    assert set(Alert.objects.values_list("name", flat=True)) == {"Doubled", "Follows"}


def test_alerts_are_series_while_they_are_active(now: datetime) -> None:
    record("active_cpu", now, a=2.0)
    RuleFactory.create(name="Active", expr="active_cpu > 1", hold_ms=10_000, severity="critical")
    selector = 'ALERTS{alertname="Active"}'

    evaluate(now)
    pending = found(selector, now)
    evaluate(now + STEP)
    firing = found(selector, now + STEP)
    record("active_cpu", now + 2 * STEP, a=0.0)
    evaluate(now + 2 * STEP)

    labels = "alertname=Active,alertstate={},host=a,severity=critical"
    assert pending == {labels.format("pending"): 1.0}
    assert firing == {labels.format("firing"): 1.0}
    assert found(selector, now + 2 * STEP) == {}
    since = found('ALERTS_FOR_STATE{alertname="Active"}', now + STEP)
    assert list(since.values()) == [float(milliseconds(now) // 1000)]


def test_a_group_with_a_query_offset_looks_back_and_writes_back(now: datetime) -> None:
    record("late_cpu", now - STEP, a=2.0)
    record("late_cpu", now, a=9.0)
    group = RuleGroupFactory.create(query_offset_ms=15_000)
    RuleFactory.create(group=group, kind=RuleKind.RECORDING, name="late:cpu", expr="late_cpu")

    evaluate(now)

    assert found("late:cpu", now - STEP) == {"host=a": 2.0}


def test_too_many_alerts_are_an_error_of_the_rule_alone(now: datetime) -> None:
    record("many_cpu", now, a=2.0, b=2.0, c=2.0)
    group = RuleGroupFactory.create(limit=2)
    many = RuleFactory.create(group=group, name="Many", expr="many_cpu > 1")
    RuleFactory.create(group=group, position=1, name="One", expr='many_cpu{host="a"} > 1')

    evaluate(now)

    many.refresh_from_db()
    assert (many.health, many.last_error) == (
        RuleHealth.ERROR,
        "exceeded limit of 2 with 3 alerts",
    )
    assert list(Alert.objects.values_list("name", flat=True)) == ["One"]


def test_what_a_rule_says_about_no_data_is_done_and_noted(now: datetime) -> None:
    record("gone_cpu", now, a=2.0)
    RuleFactory.create(name="Gone", expr="gone_cpu > 1")
    evaluate(now)

    evaluate(now + timedelta(minutes=10))

    alert = Alert.objects.get()
    assert alert.state == AlertState.FIRING
    assert alert.no_data_since == now + timedelta(minutes=10)
    assert [event.kind for event in alert.events.all()] == ["no data"]


def test_a_resolve_condition_of_its_own_holds_an_alert(now: datetime) -> None:
    RuleFactory.create(name="Held", expr="held_cpu > 90", resolve_expr="held_cpu < 80")
    states = []

    for step, value in enumerate([95.0, 85.0, 75.0]):
        record("held_cpu", now + step * STEP, a=value)
        evaluate(now + step * STEP)
        alert = Alert.objects.get()
        states.append((alert.state, alert.value))

    assert states == [("firing", 95.0), ("firing", 85.0), ("resolved", 85.0)]


def test_a_template_that_fails_shows_its_error_in_the_annotation(now: datetime) -> None:
    record("tpl_cpu", now, a=2.0)
    RuleFactory.create(
        name="Tpl",
        expr="tpl_cpu > 1",
        annotations={"summary": "{{ $labels.host }} {{ humanize (index 5 1) }}"},
    )

    evaluate(now)

    [summary] = Alert.objects.get().annotations.values()
    assert summary.startswith("<error expanding template: error executing template __alert_Tpl:")


def test_templates_may_ask(now: datetime) -> None:
    record("ask_cpu", now, a=2.0)
    RuleFactory.create(
        name="Ask",
        expr="ask_cpu > 1",
        annotations={"summary": '{{ with query "ask_cpu * 10" }}{{ . | first | value }}{{ end }}'},
    )

    evaluate(now)

    assert Alert.objects.get().annotations == {"summary": "20"}


def test_alerts_of_what_a_rule_was_before_are_over() -> None:
    record("edit_cpu", timezone.now(), a=2.0)
    rule = RuleFactory.create(name="Edit", expr="edit_cpu > 1", labels={"team": "x"})
    evaluate(timezone.now())
    rule.expr, rule.labels = "sum(edit_cpu) > 1", {}
    save_rule(rule, now=timezone.now())

    evaluate(timezone.now() + STEP)

    states = dict(Alert.objects.values_list("labels__host", "state"))
    assert states == {"a": AlertState.RESOLVED, None: AlertState.FIRING}


def test_the_series_of_alerts_end_when_their_rule_gets_a_label(now: datetime) -> None:
    record("label_cpu", now, a=2.0)
    rule = RuleFactory.create(name="Label", expr="label_cpu > 1")
    evaluate(now)
    rule.labels = {"team": "x"}
    save_rule(rule, now=now)

    evaluate(now + STEP)

    labels = "alertname=Label,alertstate=firing,host=a,severity=warning"
    assert found('ALERTS{alertname="Label"}', now) == {labels: 1.0}
    assert found('ALERTS{alertname="Label"}', now + STEP) == {f"{labels},team=x": 1.0}


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a family"])
def test_a_filter_inside_a_comparison_is_no_lack_of_data(now: datetime, count: int) -> None:
    for host in ("a", "b")[:count]:
        RuleFactory.create(
            name="Between",
            group=RuleGroupFactory.create() if host == "a" else Rule.objects.get().group,
            expr=f'between_cpu{{host="{host}"}} > 10 < 90',
        )
    record("between_cpu", now, a=50.0, b=50.0)
    evaluate(now)
    record("between_cpu", now + STEP, a=5.0, b=5.0)

    evaluate(now + STEP)

    assert set(Alert.objects.values_list("state", flat=True)) == {AlertState.RESOLVED}


def test_how_rules_do_is_written_together(
    now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    group = RuleGroupFactory.create()
    for _ in range(30):
        RuleFactory.create(group=group, expr="load > on")

    with django_assert_max_num_queries(15):
        outcomes = evaluate(now)

    assert set(Rule.objects.values_list("health", flat=True)) == {RuleHealth.ERROR}
    assert {outcome.rule.health for outcome in outcomes} == {RuleHealth.ERROR}


def test_the_series_of_alerts_end_with_their_rule(now: datetime) -> None:
    record("drop_cpu", now, a=2.0)
    rule = RuleFactory.create(name="Drop", expr="drop_cpu > 1")
    evaluate(now)

    delete_rules(Rule.objects.filter(pk=rule.pk), now=now + STEP)

    assert found('ALERTS{alertname="Drop"}', now) != {}
    assert found('ALERTS{alertname="Drop"}', now + STEP) == {}
