from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial

import pytest

from observability.telemetry import health
from observability.telemetry.health import CheckResult, Status, register_check, run_checks

OK = CheckResult(status=Status.OK, message="Fine.")
FAILING = CheckResult(status=Status.FAILING, message="Broken.")


@pytest.fixture(autouse=True)
def only_these_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of the test's own."""
    monkeypatch.setattr(health, "_checks", {})


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(
    ("results", "status"),
    [
        pytest.param([(OK, True), (OK, False)], Status.OK, id="all well"),
        pytest.param([(OK, True), (FAILING, False)], Status.DEGRADED, id="side part fails"),
        pytest.param([(FAILING, True), (OK, False)], Status.FAILING, id="critical part fails"),
    ],
)
def test_parts_make_up_the_state_of_the_whole(
    results: list[tuple[CheckResult, bool]], status: Status
) -> None:
    for number, (result, critical) in enumerate(results):
        register_check(f"part-{number}", partial(copy, result), critical=critical)

    assert run_checks().status is status


def test_ready_asks_critical_checks_only() -> None:
    register_check("database", lambda: OK, critical=True)
    register_check("watch", lambda: FAILING, critical=False)

    assert list(run_checks(critical_only=True).checks) == ["database"]


def test_check_that_raises_is_failing() -> None:
    def explode() -> CheckResult:
        raise RuntimeError("no")

    register_check("part", explode, critical=True)

    result = run_checks().checks["part"]

    assert (result.status, result.message) == (Status.FAILING, "The check failed: RuntimeError.")


def test_check_that_hangs_is_failing_within_the_deadline_and_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    starts: list[float] = []

    def hang() -> CheckResult:
        starts.append(time.monotonic())
        release.wait(30)
        return OK

    monkeypatch.setattr(health, "DEADLINE_SECONDS", 0.05)
    register_check("part", hang, critical=True)

    results = [run_checks().checks["part"] for _ in range(2)]

    assert [result.status for result in results] == [Status.FAILING, Status.FAILING]
    assert results[0].message == "No answer within 0.05 seconds."
    assert len(starts) == 1


def test_fresh_result_serves_many_callers() -> None:
    calls: list[Callable[[], CheckResult]] = []

    def check() -> CheckResult:
        calls.append(check)
        return OK

    register_check("part", check, critical=True)

    run_checks()
    run_checks()

    assert len(calls) == 1
