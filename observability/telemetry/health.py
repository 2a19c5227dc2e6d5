"""The state of the portal's parts, told to probes and people.

Upper layers register checks of their own. A check never raises and never hangs the caller: it
runs in a thread of its own with a deadline, one at a time, and its result serves a few seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from django.db import connections

DEADLINE_SECONDS = 3.0
FRESH_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Status(StrEnum):
    """How a part does, best first."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found.

    Attributes:
        status: How the part does.
        message: One sentence for people, with what to do when it is not ok.
        details: Figures behind it, as JSON takes them.
    """

    status: Status
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The results of some checks and what they come to."""

    status: Status
    checks: Mapping[str, CheckResult]


class _Check:
    """One registered check and its last result."""

    def __init__(self, name: str, function: Callable[[], CheckResult], *, critical: bool) -> None:
        self.name = name
        self.critical = critical
        self._function = function
        self._lock = threading.Lock()
        self._running: Future[CheckResult] | None = None
        self._checked_at = float("-inf")

    def start(self) -> Future[CheckResult]:
        """Return the run under way, a result that is still fresh, or a new run."""
        with self._lock:
            stale = time.monotonic() - self._checked_at > FRESH_SECONDS
            if self._running is None or (self._running.done() and stale):
                self._running = Future()
                threading.Thread(
                    target=self._run, args=(self._running,), name=f"check-{self.name}", daemon=True
                ).start()
            return self._running

    def forget(self) -> None:
        """Drop the last result, and a run that a fork has left without its thread."""
        self._lock = threading.Lock()
        self._running = None

    def _run(self, future: Future[CheckResult]) -> None:
        try:
            result = self._function()
        except Exception as error:  # noqa: BLE001 (whatever a check raises is its finding)
            log.warning("health check failed", check=self.name, error=str(error))
            result = CheckResult(
                status=Status.FAILING, message=f"The check failed: {type(error).__name__}."
            )
        finally:
            connections.close_all()
        self._checked_at = time.monotonic()
        future.set_result(result)


_checks: dict[str, _Check] = {}


def register_check(name: str, check: Callable[[], CheckResult], *, critical: bool) -> None:
    """Add a check to `/health`, and to `/health/ready` when the portal is useless without its part.

    A check that reports `failing` makes the portal failing when it is critical, else degraded.
    """
    _checks[name] = _Check(name, check, critical=critical)


def run_checks(*, critical_only: bool = False) -> Health:
    """Run the registered checks side by side, and return within the deadline."""
    checks = [check for check in _checks.values() if check.critical or not critical_only]
    runs = {check.name: check.start() for check in checks}
    wait(runs.values(), timeout=DEADLINE_SECONDS)
    results = {name: _result(run) for name, run in runs.items()}
    return Health(status=_overall(checks, results), checks=results)


def forget_results() -> None:
    """Make the next run check everything anew."""
    for check in _checks.values():
        check.forget()


def _result(run: Future[CheckResult]) -> CheckResult:
    if run.done():
        return run.result()
    return CheckResult(
        status=Status.FAILING, message=f"No answer within {DEADLINE_SECONDS:g} seconds."
    )


def _overall(checks: list[_Check], results: Mapping[str, CheckResult]) -> Status:
    if any(check.critical and results[check.name].status is Status.FAILING for check in checks):
        return Status.FAILING
    if any(result.status is not Status.OK for result in results.values()):
        return Status.DEGRADED
    return Status.OK
