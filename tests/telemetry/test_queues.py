from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from django_redis import get_redis_connection

from observability.telemetry.checks import check_worker
from observability.telemetry.health import Status
from observability.telemetry.heartbeats import leave_heartbeat
from observability.telemetry.queues import queue_state
from observability.telemetry.tasks import beat_heartbeat

pytestmark = pytest.mark.usefixtures("empty_redis")


def publish(*, published_at: float | None = None, queue: str = "timely") -> None:
    headers: dict[str, Any] = {} if published_at is None else {"published_at": published_at}
    beat_heartbeat.apply_async(queue=queue, headers=headers)


def test_empty_queue_has_no_age() -> None:
    state = queue_state("timely")

    assert (state.length, state.age_seconds) == (0, 0.0)


def test_age_is_that_of_the_oldest_task() -> None:
    publish(published_at=1000.0)
    publish()

    state = queue_state("timely")

    assert state.length == 2
    assert state.age_seconds > 1e9


def test_worker_that_lives_but_takes_nothing_is_failing() -> None:
    leave_heartbeat("timely")
    publish(published_at=1000.0)

    result = check_worker("timely")

    assert result.status is Status.FAILING
    assert "stuck" in result.message
    assert result.details["length"] == 1


def test_message_carries_the_id_of_the_request_that_sent_it() -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        publish()

    [message] = get_redis_connection("default").lrange("timely", 0, -1)
    assert json.loads(message)["headers"]["request_id"] == "r1"
