from __future__ import annotations

from collections.abc import Iterator

import pytest
from django_redis import get_redis_connection
from structlog.testing import capture_logs as structlog_capture_logs

from observability.telemetry.health import forget_results


@pytest.fixture
def capture_logs() -> Iterator[list[dict[str, object]]]:
    """What is logged while the test runs, as events."""
    with structlog_capture_logs() as events:
        yield events  # type: ignore[misc]  # structlog's events are mutable mappings


@pytest.fixture
def empty_redis() -> None:
    """A Redis in which no process has left anything."""
    get_redis_connection("default").flushdb()
    forget_results()
