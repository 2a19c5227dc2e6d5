"""Backtests as rows: workers take them turn by turn, and no row is left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from alerts import tasks
from alerts.models import Backtest, BacktestStatus, Rule, RuleKind
from alerts.retention import BACKTESTS_KEPT_FOR, delete_old_backtests
from alerts.rules.backtesting import runs
from alerts.rules.backtesting.definitions import Adjustment, adjusted, definition_of
from alerts.rules.backtesting.errors import BacktestError
from alerts.rules.condition import read_condition
from observability.metrics.backend import get_backend
from observability.metrics.samples import SampleBatch
from tests.alerts.factories import RuleFactory

pytestmark = pytest.mark.django_db

END = datetime.now(UTC).replace(microsecond=0)
START = END - timedelta(hours=2)


def record(name: str, **levels: list[float]) -> None:
    """Store the load of each instance, minute by minute over two hours, repeated as often as it takes."""
    minutes = np.arange(121, dtype=np.int64)
    get_backend().append(
        SampleBatch(
            label_sets=[(("__name__", name), ("instance", instance)) for instance in levels],
            series=np.repeat(np.arange(len(levels)), len(minutes)),
            timestamps_ms=np.tile(int(START.timestamp() * 1000) + minutes * 60_000, len(levels)),
            values=np.concatenate([np.resize(one, len(minutes)) for one in levels.values()]),
        )
    )


def ask(rule: Rule, **times: Any) -> Backtest:
    times = {"start_at": START, "end_at": END, "now": END, **times}
    return runs.request(definition_of(rule), rule_id=rule.pk, **times)


def work(*, seconds: float = 60.0, now: datetime = END) -> bool:
    return runs.run_due(backend=get_backend(), clock=lambda: now, seconds=seconds)


def totals(backtest: Backtest) -> dict[str, Any]:
    backtest.refresh_from_db()
    assert backtest.result is not None, backtest.error
    found: dict[str, Any] = backtest.result["totals"]
    return found


def notices(backtest: Backtest) -> str:
    return " ".join((backtest.result or {})["notices"])


def test_the_task_does_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    record("bt_task", a=[0.0] * 30 + [9.0] * 10)
    backtest = ask(RuleFactory.create(expr="bt_task > 5", hold_ms=180_000, on_no_data="resolve"))

    tasks.run_backtests()

    assert totals(backtest)["fired"] == 3
    assert totals(backtest)["median_ms"] == 7 * 60_000
    assert (backtest.status, backtest.progress, backtest.state) == (BacktestStatus.DONE, 1.0, None)


def test_a_turn_ends_and_the_next_goes_on_where_it_stopped() -> None:
    record("bt_turns", a=[0.0, 9.0], b=[9.0, 0.0, 9.0])
    rule = RuleFactory.create(expr="bt_turns > 5", keep_firing_ms=30_000)
    start_at = END - timedelta(minutes=10)
    at_once, in_turns = ask(rule, start_at=start_at), ask(rule, start_at=start_at)
    runs.run_due(backend=get_backend(), clock=lambda: END, seconds=60)
    expected = totals(at_once)
    Backtest.objects.filter(pk=in_turns.pk).update(
        status=BacktestStatus.QUEUED, result=None, progress=0, touched_at=None
    )

    turns = 0
    while _step(in_turns):
        turns += 1

    assert turns > 10
    assert totals(in_turns) == expected


def _step(backtest: Backtest) -> bool:
    """Give a backtest a turn of one evaluation; say whether there is more to do."""
    claimed = runs._claim(END)
    assert claimed is not None
    runs._work(claimed, backend=get_backend(), clock=lambda: END, deadline=0.0)
    backtest.refresh_from_db()
    return backtest.is_unfinished


def test_what_a_dead_worker_left_is_taken_up_again() -> None:
    record("bt_dead", a=[9.0])
    backtest = ask(RuleFactory.create(expr="bt_dead > 5"))
    assert runs._claim(END)

    work(now=END)
    backtest.refresh_from_db()
    assert backtest.status == BacktestStatus.RUNNING

    work(now=END + runs.LIFE * 2)

    assert totals(backtest)["fired"] == 1
    assert backtest.deaths == 1


def test_a_backtest_over_which_workers_die_again_and_again_is_given_up() -> None:
    backtest = ask(RuleFactory.create())

    for death in range(runs.MOST_DEATHS + 1):
        runs._claim(END + runs.LIFE * 2 * death)

    backtest.refresh_from_db()
    assert backtest.status == BacktestStatus.FAILED
    assert "3 workers have died over it" in backtest.error


def test_a_worker_that_was_taken_for_dead_writes_nothing() -> None:
    record("bt_zombie", a=[9.0])
    backtest = ask(RuleFactory.create(expr="bt_zombie > 5"))
    zombie = runs._claim(END)
    assert zombie is not None
    assert runs._claim(END + runs.LIFE * 2)

    runs._work(zombie, backend=get_backend(), clock=lambda: END, deadline=float("inf"))

    backtest.refresh_from_db()
    assert (backtest.status, backtest.result) == (BacktestStatus.RUNNING, None)


def test_what_was_found_before_it_was_canceled_stays() -> None:
    record("bt_cancel", a=[9.0, 0.0])
    backtest = ask(RuleFactory.create(expr="bt_cancel > 5"))
    for _ in range(20):
        _step(backtest)

    is_canceled = runs.cancel(backtest.pk)
    work()

    assert is_canceled
    assert totals(backtest)["fired"] > 0
    assert backtest.status == BacktestStatus.CANCELED
    assert "it was canceled" in notices(backtest)


def test_what_takes_too_long_ends_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_SECONDS", 0)
    record("bt_long", a=[9.0, 0.0])
    backtest = ask(RuleFactory.create(expr="bt_long > 5"))

    work()

    assert totals(backtest)["fired"] <= 1
    assert backtest.status == BacktestStatus.DONE
    assert "Stopped before the end" in notices(backtest)


def test_a_broken_backtest_is_failed_and_the_next_is_done() -> None:
    record("bt_next", a=[9.0])
    broken = ask(RuleFactory.create(expr="bt_next > 5"))
    Backtest.objects.filter(pk=broken.pk).update(definition={**broken.definition, "expr": "sum("})
    following = ask(RuleFactory.create(expr="bt_next > 5"))

    work()

    broken.refresh_from_db()
    assert broken.status == BacktestStatus.FAILED
    assert "parse error" in broken.error
    assert totals(following)["fired"] == 1


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"start_at": END, "end_at": START}, "start"),
        ({"start_at": END + timedelta(days=1), "end_at": END + timedelta(days=2)}, "start"),
        ({"start_at": END - timedelta(days=32)}, "start"),
    ],
    ids=["backwards", "in the future", "too long"],
)
def test_a_wrong_range_is_refused(times: dict[str, Any], field: str) -> None:
    with pytest.raises(BacktestError) as error:
        ask(RuleFactory.create(), **times)

    assert error.value.field == field


def test_a_recording_rule_has_nothing_to_test() -> None:
    with pytest.raises(BacktestError, match="raises no alerts"):
        ask(RuleFactory.create(kind=RuleKind.RECORDING))


def test_no_more_than_some_backtests_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_UNFINISHED", 1)
    rule = RuleFactory.create()
    ask(rule)

    with pytest.raises(BacktestError, match="waiting already"):
        ask(rule)


def test_old_backtests_are_deleted_unless_they_are_at_work() -> None:
    rule = RuleFactory.create()
    old, at_work, young = ask(rule), ask(rule), ask(rule)
    old_time = END - BACKTESTS_KEPT_FOR - timedelta(hours=1)
    Backtest.objects.filter(pk__in=[old.pk, at_work.pk]).update(created_at=old_time)
    Backtest.objects.filter(pk__in=[old.pk, young.pk]).update(status=BacktestStatus.DONE)

    delete_old_backtests(now=END)

    assert set(Backtest.objects.values_list("pk", flat=True)) == {at_work.pk, young.pk}


def test_a_threshold_is_changed_in_the_simple_form_and_in_promql() -> None:
    form = read_condition({"metric": "load", "operator": ">", "threshold": 5}).as_form()
    simple = RuleFactory.create(expr="load > 5", form=form)
    promql = RuleFactory.create(expr="5 < sum(load) and on() up == 1")
    change = Adjustment(hold_ms=60_000, keep_firing_ms=0, threshold=7.5)

    changed = [adjusted(definition_of(rule), change) for rule in (simple, promql)]

    assert [one["expr"] for one in changed] == ["load > 7.5", "7.5 < sum(load) and on () up == 1"]
    assert changed[0]["form"]["threshold"] == 7.5
    assert [one["hold_ms"] for one in changed] == [60_000, 60_000]
