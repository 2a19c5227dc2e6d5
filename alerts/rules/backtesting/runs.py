"""Backtests as rows: somebody asks for one, workers take it turn by turn, somebody cancels it.

A worker holds a row as long as it says now and then, in `touched_at`, that it is alive; what it
wrote there last is also its token, so that one that was taken for dead finds another's and stops.
When its turn is over it leaves all that it takes to go on in the row. So other work of its queue
is never kept waiting for long, and a dead worker loses some seconds of work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction

from alerts.models import Backtest, BacktestStatus, RuleKind
from alerts.models.backtests import UNFINISHED
from alerts.rules.backtesting.definitions import (
    Definition,
    alerting_rule,
    rule_of,
    threshold_in,
)
from alerts.rules.backtesting.errors import BacktestError
from alerts.rules.backtesting.report import report
from alerts.rules.backtesting.simulation import Progress, Simulation, begin
from alerts.rules.backtesting.timetable import Timetable, timetable
from alerts.rules.expansion import expander
from alerts.rules.group_evaluation import MAX_ALERTS
from alerts.rules.moments import milliseconds
from alerts.rules.rule_evaluation import Vector, result_vector
from alerts.rules.states import Expand
from alerts.wakeups import wake_backtests
from observability.metrics.backend import MetricsBackend
from observability.promql import Limits, Matrix, QueryOptions
from observability.promql.errors import ExecutionError
from observability.promql.syntax import Expr
from observability.promql.values import Value

LONGEST = timedelta(days=31)
"""The longest range of a backtest."""

MOST_UNFINISHED = 20
"""How many backtests may wait at once."""

MOST_SECONDS = 600
"""After so long at work a backtest ends with what it has."""

LIFE = timedelta(seconds=60)
"""A worker that says nothing for so long is dead."""

MOST_DEATHS = 3
_SECONDS_BETWEEN_SIGNS = 2.0

_EACH_QUERY = QueryOptions(limits=Limits(timeout_seconds=20))
# Keeps the answers of a part within some 100 MB.
_EACH_PART = QueryOptions(limits=Limits(timeout_seconds=20, max_samples=2_000_000))

Clock = Callable[[], datetime]
_log = structlog.get_logger(__name__)


def check(definition: Definition, start_at: datetime, end_at: datetime) -> None:
    """Say whether there can be a backtest of a definition over a range.

    Raises:
        BacktestError: The rule raises no alerts, the range is wrong, or too many are waiting.
    """
    if definition["kind"] != RuleKind.ALERTING:
        raise BacktestError("rule", "a recording rule raises no alerts")
    if start_at >= end_at:
        raise BacktestError("start", "expected a time in the past that is before the end")
    if end_at - start_at > LONGEST:
        raise BacktestError("start", f"expected a range of no more than {LONGEST.days} days")
    if Backtest.objects.filter(status__in=UNFINISHED).count() >= MOST_UNFINISHED:
        raise BacktestError(
            "", f"{MOST_UNFINISHED} backtests are waiting already; try again when some are done"
        )


def request(
    definition: Definition,
    *,
    start_at: datetime,
    end_at: datetime,
    now: datetime,
    rule_id: int | None = None,
    by: User | None = None,
) -> Backtest:
    """Ask for a backtest, which workers then do; raises as `check` does.

    Args:
        definition: What is tested.
        start_at: Begin of the range.
        end_at: Its end; not after `now`.
        now: The present time.
        rule_id: The saved rule that it is about.
        by: Who asks.
    """
    end_at = min(end_at, now)
    check(definition, start_at, end_at)
    backtest = Backtest.objects.create(
        rule_id=rule_id, definition=definition, start_at=start_at, end_at=end_at, created_by=by
    )
    transaction.on_commit(wake_backtests)
    return backtest


@transaction.atomic
def cancel(backtest_id: int) -> bool:
    """End a backtest with what it has found by now; False when it has ended already."""
    row = Backtest.objects.select_for_update().filter(pk=backtest_id, status__in=UNFINISHED).first()
    if row is None:
        return False
    run = _Run(row)
    if row.state:
        row.result = run.result(stopped="it was canceled")
    row.status, row.state = BacktestStatus.CANCELED, None
    row.save(update_fields=["status", "state", "result"])
    return True


def run_due(*, backend: MetricsBackend, clock: Clock, seconds: float) -> bool:
    """Go on with backtests, the oldest first; say whether there is more to do.

    Args:
        backend: Where the metrics are.
        clock: Gives the present time.
        seconds: After this time no other is begun and the one at work is left.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = _claim(clock())
        if row is None:
            return False
        _work_or_fail(row, backend=backend, clock=clock, deadline=deadline)
    return _free(clock()).exists()


def _free(now: datetime) -> models.QuerySet[Backtest]:
    """Return backtests that no living worker is at."""
    return Backtest.objects.filter(
        models.Q(touched_at=None) | models.Q(touched_at__lt=now - LIFE), status__in=UNFINISHED
    )


@transaction.atomic
def _claim(now: datetime) -> Backtest | None:
    """Take the oldest backtest that is free; None when none is."""
    rows = _free(now).order_by("created_at", "pk").select_for_update(skip_locked=True)
    for row in rows[:MOST_UNFINISHED]:
        if row.touched_at is not None:
            row.deaths += 1
        if row.deaths >= MOST_DEATHS:
            row.status, row.state = BacktestStatus.FAILED, None
            row.error = (
                f"Given up: {row.deaths} workers have died over it, probably for lack of memory. "
                "A shorter range or an expression of fewer series may do."
            )
            row.save(update_fields=["status", "state", "error", "deaths"])
            continue
        row.status, row.touched_at = BacktestStatus.RUNNING, now
        row.save(update_fields=["status", "touched_at", "deaths"])
        return row
    return None


def _work_or_fail(row: Backtest, *, backend: MetricsBackend, clock: Clock, deadline: float) -> None:
    try:
        _work(row, backend=backend, clock=clock, deadline=deadline)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # noqa: BLE001 (one backtest must never stop the others; the log has the traceback)
        _log.exception("backtest failed", backtest_id=row.pk)
        _held(row).update(
            status=BacktestStatus.FAILED, state=None, error=f"Internal error: {error}"[:2_000]
        )


def _work(row: Backtest, *, backend: MetricsBackend, clock: Clock, deadline: float) -> None:
    """Go on with a claimed backtest until it is done, canceled, or its turn is over."""
    run = _Run(row)
    before = run.progress.seconds
    started = said = time.monotonic()
    for _ in run.simulation(backend).run():
        now = time.monotonic()
        run.progress.seconds = before + now - started
        if run.progress.seconds > MOST_SECONDS:
            _finish(
                row, run, now=clock(), stopped=f"it took more than {MOST_SECONDS // 60} minutes"
            )
            return
        is_over = now > deadline
        if is_over or now - said > _SECONDS_BETWEEN_SIGNS:
            said = now
            if not _say(row, run, now=None if is_over else clock()) or is_over:
                return
    _finish(row, run, now=clock())


def _held(row: Backtest) -> models.QuerySet[Backtest]:
    """Return the row of a claimed backtest, or nothing when it is this worker's no more."""
    return Backtest.objects.filter(
        pk=row.pk, status=BacktestStatus.RUNNING, touched_at=row.touched_at
    )


def _say(row: Backtest, run: _Run, *, now: datetime | None) -> bool:
    """Write how far a backtest is; False when it is this worker's no more.

    Without a time the worker lets go of it.
    """
    state = msgspec.msgpack.encode(run.progress)
    is_held = _held(row).update(touched_at=now, progress=run.share, state=state)
    row.touched_at = now
    return bool(is_held)


def _finish(row: Backtest, run: _Run, *, now: datetime, stopped: str = "") -> None:
    _held(row).update(
        status=BacktestStatus.DONE,
        result=run.result(stopped=stopped),
        progress=1.0,
        state=None,
        touched_at=now,
    )


class _Run:
    """A backtest with all that belongs to it."""

    def __init__(self, row: Backtest) -> None:
        self._rule = rule_of(row.definition)
        self._alerting = alerting_rule(self._rule)
        self._threshold = threshold_in(row.definition)
        self._times = timetable(
            self._alerting,
            start_ms=milliseconds(row.start_at),
            end_ms=milliseconds(row.end_at),
            interval_ms=self._rule.group.interval_ms,
            group_id=self._rule.group.pk or 0,
        )
        self.progress = _progress(row.state) or begin(self._alerting, self._times)

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1."""
        return _share(self.progress, self._times)

    def result(self, *, stopped: str = "") -> object:
        """Return what it has found by now."""
        return report(self.progress, self._times, self._threshold, stopped=stopped)

    def simulation(self, backend: MetricsBackend) -> Simulation:
        """Return what goes on with it."""
        return Simulation(
            self._alerting,
            self._times,
            self.progress,
            source=_BackendSource(backend),
            expander=self._expander(backend),
            query_offset_ms=self._rule.group.query_offset_ms or 0,
            limit=self._rule.group.limit or MAX_ALERTS,
        )

    def _expander(self, backend: MetricsBackend) -> Callable[[int], Expand]:
        def query(text: str, at_ms: int) -> Value:
            return backend.query(text, at_ms=at_ms, options=_EACH_QUERY).value

        def expand_at(at_ms: int) -> Expand:
            return expander(
                name=self._rule.name,
                at_ms=at_ms,
                query=query,
                external_url=settings.EXTERNAL_URL,
            )

        return expand_at


def _progress(state: bytes | memoryview | None) -> Progress | None:
    """Return where a backtest stopped; None where it has not begun, or another version began it."""
    if not state:
        return None
    try:
        return msgspec.msgpack.decode(state, type=Progress)
    except msgspec.MsgspecError:
        return None


def _share(progress: Progress, times: Timetable) -> float:
    length_ms = max(times.past_ms - times.first_ms, 1)
    return min((progress.next_ms - times.first_ms) / length_ms, 1.0)


class _BackendSource:
    """Asks the portal's metrics, and keeps no answer of a time that nobody will ask for again."""

    def __init__(self, backend: MetricsBackend) -> None:
        self._backend = backend

    def at(self, expr: Expr, at_ms: int) -> Vector:
        """Return what an expression gives at one time."""
        return result_vector(self._backend.query(str(expr), at_ms=at_ms, options=_EACH_QUERY).value)

    def between(self, expr: Expr, *, start_ms: int, end_ms: int, step_ms: int) -> Matrix:
        """Return what it gives at each step of a range."""
        value = self._backend.query_range(
            str(expr),
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            options=_EACH_PART,
            use_cache=False,
        ).value
        if not isinstance(value, Matrix):
            raise ExecutionError("a range query gave no matrix")
        return value
