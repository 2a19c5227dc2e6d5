"""The health checks of the portal's base: database, Redis, Celery, `watch`, disk, own metrics."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from redis import RedisError

from observability.telemetry.health import CheckResult, Status, register_check
from observability.telemetry.heartbeats import heartbeat_age
from observability.telemetry.own_files import ARCHIVE_NAME, DAMAGED_NAME
from observability.telemetry.queues import QUEUES, queue_state
from observability.telemetry.registry import folder

# Beat sends something every second, workers and `watch` say so every few seconds.
_SILENCE_DEGRADED_SECONDS = 15.0
_SILENCE_FAILING_SECONDS = 60.0
# The queue `timely` is judged by these; `bulk` holds work that may take long.
_QUEUE_AGE_LIMITS = {"timely": (10.0, 60.0), "bulk": (900.0, 3600.0)}
_DAMAGE_TOLD_SECONDS = 86_400.0
_FREE_DEGRADED_SHARE = 0.10
_FREE_FAILING_BYTES = 256 * 1024 * 1024


def register_base_checks() -> None:
    """Register the checks that telemetry itself brings."""
    register_check("database", check_database, critical=True)
    register_check("migrations", _Migrations(), critical=True)
    register_check("redis", check_redis, critical=True)
    register_check("beat", partial(_check_silence, "beat", "Beat"), critical=False)
    for queue in QUEUES:
        register_check(f"worker-{queue}", partial(check_worker, queue), critical=False)
    register_check("watch", partial(_check_silence, "watch", "The watch process"), critical=False)
    register_check("scrape", partial(_check_silence, "scrape", "The scraper"), critical=False)
    register_check("disk", check_disk, critical=False)
    register_check("own-metrics", check_own_metrics, critical=False)


def check_database() -> CheckResult:
    """Ask PostgreSQL for an answer."""
    started = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return CheckResult(
            status=Status.FAILING,
            message="PostgreSQL does not answer; see its log.",
            details={"error": _first_line(error)},
        )
    return _answered("PostgreSQL", started)


def check_redis() -> CheckResult:
    """Ask Redis for an answer."""
    started = time.perf_counter()
    try:
        get_redis_connection("default").ping()
    except RedisError as error:
        return CheckResult(
            status=Status.FAILING,
            message="Redis does not answer; see its log.",
            details={"error": _first_line(error)},
        )
    return _answered("Redis", started)


class _Migrations:
    """Whether the database has the tables of this code; asked until it has, since it stays so."""

    def __init__(self) -> None:
        self._is_current = False

    def __call__(self) -> CheckResult:
        missing: list[str] = []
        if not self._is_current:
            try:
                executor = MigrationExecutor(connection)
                plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            except DatabaseError as error:
                return CheckResult(
                    status=Status.FAILING,
                    message="PostgreSQL does not say which migrations it has.",
                    details={"error": _first_line(error)},
                )
            missing = [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
            self._is_current = not missing
        if missing:
            return CheckResult(
                status=Status.FAILING,
                message="The database is older than the code; run `manage.py migrate`.",
                details={"missing": missing},
            )
        return CheckResult(status=Status.OK, message="The database is up to date.")


def check_worker(queue: str) -> CheckResult:
    """Judge the workers of a queue by their sign of life and by what waits for them."""
    alive = _check_silence(queue, f"The worker of the queue {queue}")
    if alive.status is Status.FAILING:
        return alive
    state = queue_state(queue)
    degraded, failing = _QUEUE_AGE_LIMITS[queue]
    details = {
        **alive.details,
        "length": state.length,
        "oldest_seconds": round(state.age_seconds, 1),
    }
    if state.age_seconds > degraded:
        return CheckResult(
            status=Status.FAILING if state.age_seconds > failing else Status.DEGRADED,
            message=f"Tasks wait in the queue {queue} for {state.age_seconds:.0f} s; "
            "its worker is stuck or has too much to do.",
            details=details,
        )
    return CheckResult(status=alive.status, message=alive.message, details=details)


def _check_silence(role: str, title: str) -> CheckResult:
    try:
        age = heartbeat_age(role)
    except RedisError as error:
        return CheckResult(
            status=Status.FAILING,
            message=f"{title} cannot be judged while Redis does not answer.",
            details={"error": _first_line(error)},
        )
    if age is None:
        return CheckResult(
            status=Status.FAILING, message=f"{title} has not been seen; is it running?"
        )
    details = {"age_seconds": round(age, 1)}
    if age > _SILENCE_DEGRADED_SECONDS:
        return CheckResult(
            status=Status.FAILING if age > _SILENCE_FAILING_SECONDS else Status.DEGRADED,
            message=f"{title} was last seen {age:.0f} s ago; it hangs or has ended.",
            details=details,
        )
    return CheckResult(status=Status.OK, message=f"{title} is running.", details=details)


def check_disk() -> CheckResult:
    """Judge the space that is left where the portal keeps its data."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    details = {"free_bytes": usage.free, "total_bytes": usage.total}
    message = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free."
    if usage.free < _FREE_FAILING_BYTES:
        return CheckResult(
            status=Status.FAILING,
            message=f"{message} PostgreSQL will stop soon; make room.",
            details=details,
        )
    if usage.free < usage.total * _FREE_DEGRADED_SHARE:
        return CheckResult(status=Status.DEGRADED, message=f"{message} Make room.", details=details)
    return CheckResult(status=Status.OK, message=message, details=details)


def check_own_metrics() -> CheckResult:
    """Tell of an archive of own metrics that was found damaged within a day."""
    damaged_at = folder().damaged_at()
    if damaged_at is not None and time.time() - damaged_at < _DAMAGE_TOLD_SECONDS:
        return CheckResult(
            status=Status.DEGRADED,
            message=f"The portal's own counters have started anew: {ARCHIVE_NAME} was damaged and is "
            f"kept as {DAMAGED_NAME}. Look after the disk; remove the file to end this notice.",
            details={"damaged_at": datetime.fromtimestamp(damaged_at, tz=UTC).isoformat()},
        )
    return CheckResult(status=Status.OK, message="The portal's own metrics can be read.")


def _answered(title: str, started: float) -> CheckResult:
    milliseconds = (time.perf_counter() - started) * 1000
    return CheckResult(
        status=Status.OK,
        message=f"{title} answers in {milliseconds:.1f} ms.",
        details={"duration_ms": round(milliseconds, 1)},
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
