from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from alerts.delivery import DEADLINE, LEASE, deliver, queue_due, retry_now
from alerts.models import (
    AlertGroup,
    Integration,
    Notification,
    NotificationReason,
    NotificationStatus,
    Route,
)
from tests.alerts.factories import NOW, IntegrationFactory, NotificationFactory
from tests.alerts.http_sink import Answer, HttpSink

pytestmark = pytest.mark.django_db

SECRET_PATH = "/services/T000/B000/s3cr3t-p4th"


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


@pytest.fixture
def broker() -> Iterator[Redis[bytes]]:
    """Where the workers' queue is."""
    with Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("timely")
        yield broker


@pytest.fixture
def slack(sink: HttpSink) -> Integration:
    integration: Integration = IntegrationFactory.create(
        kind="slack", config={}, secrets={"webhook_url": sink.url + SECRET_PATH}
    )
    return integration


class Stream:
    """What one integration is told of one group."""

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self.group = AlertGroup.objects.create(
            route=Route.objects.root(), key="{}:{}", key_digest="x", labels={}, active_since=NOW
        )

    def add(self, **fields: Any) -> Notification:
        row: Notification = NotificationFactory.create(
            integration=self.integration, group=self.group, **fields
        )
        return row

    def statuses(self) -> list[str]:
        return list(Notification.objects.order_by("pk").values_list("status", flat=True))


@pytest.fixture
def stream(slack: Integration) -> Stream:
    return Stream(slack)


def elsewhere(action: Callable[[], object]) -> Callable[[], None]:
    """Return the action as another thread does it, on a connection of its own."""

    def act() -> None:
        action()
        connection.close()

    return act


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def test_sent_notification_is_recorded_with_its_answer(slack: Integration, sink: HttpSink) -> None:
    row = NotificationFactory.create(integration=slack)

    status = deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert status == row.status == NotificationStatus.SENT
    assert (row.attempts, row.sent_at, row.response) == (1, NOW, "200 ok")
    assert row.lease_token is None
    assert len(sink.requests) == 1


def test_finished_notification_is_not_sent_again(slack: Integration, sink: HttpSink) -> None:
    row = NotificationFactory.create(integration=slack)
    deliver(row.pk, clock=at(NOW))

    again = deliver(row.pk, clock=at(NOW + timedelta(hours=1)))

    assert again is None
    assert len(sink.requests) == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(Answer(400, "invalid_payload"), NotificationStatus.FAILED, id="400"),
        pytest.param(Answer(404, "no_service"), NotificationStatus.FAILED, id="404"),
        pytest.param(Answer(429, ""), NotificationStatus.PENDING, id="429"),
        pytest.param(Answer(500, "rollup_error"), NotificationStatus.PENDING, id="500"),
        pytest.param(Answer(close=True), NotificationStatus.PENDING, id="connection closed"),
        pytest.param(
            Answer(302, "", {"Location": "http://169.254.169.254/latest/meta-data/"}),
            NotificationStatus.FAILED,
            id="redirect to a metadata address",
        ),
    ],
)
def test_answer_decides_whether_another_attempt_follows(
    slack: Integration, sink: HttpSink, answer: Answer, status: NotificationStatus
) -> None:
    sink.answers = [answer]
    row = NotificationFactory.create(integration=slack)

    deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert row.status == status
    assert row.error
    assert (row.next_attempt_at is not None) == (status == NotificationStatus.PENDING)
    assert "s3cr3t" not in row.error + row.response


def test_secret_in_an_answer_is_masked(slack: Integration, sink: HttpSink) -> None:
    sink.answers = [Answer(400, f"no such hook: {SECRET_PATH}")]
    row = NotificationFactory.create(integration=slack)

    deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert "s3cr3t" not in row.error + row.response
    assert "***" in row.error


def test_refused_address_fails_for_good(sink: HttpSink) -> None:
    integration = IntegrationFactory.create(
        kind="slack", config={}, secrets={"webhook_url": "http://169.254.169.254/latest/x"}
    )
    row = NotificationFactory.create(integration=integration)

    status = deliver(row.pk, clock=at(NOW))

    assert status == NotificationStatus.FAILED


def test_retry_after_is_honoured(slack: Integration, sink: HttpSink) -> None:
    sink.answers = [Answer(429, "", {"Retry-After": "600"})]
    row = NotificationFactory.create(integration=slack)

    deliver(row.pk, clock=at(NOW))
    early = deliver(row.pk, clock=at(NOW + timedelta(seconds=599)))
    status = deliver(row.pk, clock=at(NOW + timedelta(seconds=600)))

    assert early is None
    assert status == NotificationStatus.SENT


def test_pauses_between_attempts_grow_up_to_a_limit(slack: Integration, sink: HttpSink) -> None:
    sink.answers = [Answer(503, "")] * 12
    row = NotificationFactory.create(integration=slack)
    now, pauses = NOW, []
    for _ in range(12):
        deliver(row.pk, clock=at(now))
        row.refresh_from_db()
        assert row.next_attempt_at is not None
        pauses.append((row.next_attempt_at - now).total_seconds())
        now = row.next_attempt_at

    assert 0.8 <= pauses[0] <= 1.2
    assert 12.8 <= pauses[4] <= 19.2
    assert all(96 <= pause <= 144 for pause in pauses[8:])


def test_message_is_given_up_after_a_day(slack: Integration, sink: HttpSink) -> None:
    sink.answers = [Answer(503, "")]
    row = NotificationFactory.create(integration=slack)

    status = deliver(row.pk, clock=at(NOW + timedelta(hours=24)))

    assert status == NotificationStatus.DEAD


def test_test_message_has_one_attempt(slack: Integration, sink: HttpSink) -> None:
    sink.answers = [Answer(503, "down")]
    row = NotificationFactory.create(integration=slack, reason=NotificationReason.TEST)

    status = deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert status == NotificationStatus.FAILED
    assert row.error == "Slack answered 503 down"


def test_deleted_integration_fails_with_a_clear_error(slack: Integration) -> None:
    row = NotificationFactory.create(integration=slack)
    slack.delete()

    deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert (row.status, row.error) == (
        NotificationStatus.FAILED,
        "the integration has been deleted",
    )


def test_lease_is_longer_than_any_attempt() -> None:
    from alerts.tasks import deliver as task  # noqa: PLC0415 (needs the settings)

    assert DEADLINE.total_seconds() == task.soft_time_limit
    assert DEADLINE < timedelta(seconds=task.time_limit or 0) < LEASE


def test_notification_in_another_workers_hands_is_left_alone(
    slack: Integration, sink: HttpSink
) -> None:
    row = NotificationFactory.create(
        integration=slack, status=NotificationStatus.SENDING, lease_until=NOW + LEASE
    )

    early = deliver(row.pk, clock=at(NOW + LEASE - timedelta(seconds=1)))
    status = deliver(row.pk, clock=at(NOW + LEASE))

    assert early is None
    assert status == NotificationStatus.SENT
    assert len(sink.requests) == 1


def test_later_news_waits_for_the_message_that_is_being_sent(
    stream: Stream, sink: HttpSink
) -> None:
    stream.add(status=NotificationStatus.SENDING, lease_until=NOW + LEASE)
    newer = stream.add()

    early = deliver(newer.pk, clock=at(NOW))

    assert early is None
    assert sink.requests == []


def test_retry_sends_the_newest_message_of_the_stream(stream: Stream, sink: HttpSink) -> None:
    older = stream.add(attempts=2)
    newer = stream.add()

    deliver(older.pk, clock=at(NOW))

    assert stream.statuses() == ["superseded", "sent"]
    assert len(sink.requests) == 1
    newer.refresh_from_db()
    assert newer.attempts == 1


def test_message_left_by_a_dead_worker_is_not_sent_when_there_is_news(
    stream: Stream, sink: HttpSink
) -> None:
    dead = stream.add(status=NotificationStatus.SENDING, lease_until=NOW)
    stream.add()

    deliver(dead.pk, clock=at(NOW))

    assert stream.statuses() == ["superseded", "sent"]
    assert len(sink.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_failed_attempt_gives_way_to_news_that_came_meanwhile(
    stream: Stream, sink: HttpSink
) -> None:
    row = stream.add()
    sink.answers = [Answer(503, "", on_request=elsewhere(stream.add))]

    deliver(row.pk, clock=at(NOW))

    assert stream.statuses() == ["superseded", "pending"]


@pytest.mark.django_db(transaction=True)
def test_worker_that_finishes_after_its_lease_changes_nothing(
    stream: Stream, sink: HttpSink
) -> None:
    row = stream.add()

    def taken_over() -> None:
        Notification.objects.filter(pk=row.pk).update(
            status=NotificationStatus.SENT, lease_token=uuid.uuid4(), response="by the other"
        )

    sink.answers = [Answer(503, "too late", on_request=elsewhere(taken_over))]

    status = deliver(row.pk, clock=at(NOW))

    row.refresh_from_db()
    assert status is None
    assert (row.status, row.response) == (NotificationStatus.SENT, "by the other")


@pytest.mark.django_db(transaction=True)
def test_news_that_comes_while_the_outcome_is_recorded_is_woken_at_once(
    stream: Stream, sink: HttpSink, broker: Redis[bytes]
) -> None:
    row = stream.add()
    news: list[int] = []

    def flush_just_before_the_update(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE") and "sent_at" in sql and not news:
            thread = threading.Thread(target=elsewhere(lambda: news.append(stream.add().pk)))
            thread.start()
            thread.join()
        return execute(sql, *args)

    with connection.execute_wrapper(flush_just_before_the_update):
        status = deliver(row.pk, clock=at(NOW))

    assert status == NotificationStatus.SENT
    assert stream.statuses() == ["sent", "pending"]
    woken = [json.loads(task)["headers"]["argsrepr"] for task in broker.lrange("timely", 0, -1)]
    assert f"({news[0]},)" in woken


def test_due_notifications_are_queued_once_in_a_while(slack: Integration) -> None:
    NotificationFactory.create(integration=slack)
    NotificationFactory.create(integration=slack, next_attempt_at=NOW + timedelta(seconds=5))
    NotificationFactory.create(
        integration=slack, status=NotificationStatus.SENDING, lease_until=NOW
    )
    NotificationFactory.create(integration=slack, status=NotificationStatus.SENT)

    assert queue_due(now=NOW) == 2
    assert queue_due(now=NOW + timedelta(seconds=1)) == 0
    assert queue_due(now=NOW + timedelta(seconds=30)) == 3


@pytest.mark.parametrize("status", [NotificationStatus.FAILED, NotificationStatus.DEAD])
def test_message_that_failed_for_good_can_be_retried(
    slack: Integration, status: NotificationStatus
) -> None:
    row = NotificationFactory.create(integration=slack, status=status, attempts=7)

    revived = retry_now(Notification.objects.all(), now=NOW)
    sent = deliver(row.pk, clock=at(NOW))

    assert (revived, sent) == (1, NotificationStatus.SENT)


def test_retrying_many_asks_the_database_no_more_than_retrying_one(
    stream: Stream, django_assert_max_num_queries: Any
) -> None:
    NotificationFactory.create_batch(20, status=NotificationStatus.FAILED)
    for _ in range(20):
        stream.add(status=NotificationStatus.DEAD)

    with django_assert_max_num_queries(5):
        revived = retry_now(Notification.objects.all(), now=NOW)

    assert revived == 40


def test_message_that_news_has_overtaken_cannot_be_retried(stream: Stream) -> None:
    stream.add(status=NotificationStatus.FAILED)
    stream.add(status=NotificationStatus.SENT)

    assert retry_now(Notification.objects.all(), now=NOW) == 0
    assert stream.statuses() == ["failed", "sent"]


@pytest.mark.django_db(transaction=True)
def test_workers_that_deliver_at_once_send_each_message_once(
    slack: Integration, sink: HttpSink
) -> None:
    rows = [NotificationFactory.create(integration=slack).pk for _ in range(10)]
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for pk in rows:
            deliver(pk, clock=at(NOW))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(sink.requests) == 10
    assert set(Notification.objects.values_list("status", "attempts")) == {("sent", 1)}


@pytest.mark.django_db(transaction=True)
def test_message_of_a_killed_worker_is_sent_by_another_after_the_lease(
    slack: Integration, sink: HttpSink
) -> None:
    row = NotificationFactory.create(integration=slack)
    sink.answers = [Answer(hang=True)]
    lease = timedelta(seconds=2)
    program = f"""
import django; django.setup()
from datetime import timedelta
from alerts.delivery import deliver
deliver({row.pk}, lease=timedelta(seconds={lease.seconds}))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "DATABASE_URL": database_url()}
    ) as worker:
        has_arrived = sink.arrived.wait(60)
        worker.kill()
    assert has_arrived

    row.refresh_from_db()
    left_behind = row.status
    assert row.lease_until is not None
    lease_end = row.lease_until
    early = deliver(row.pk, clock=at(lease_end - timedelta(milliseconds=1)))
    status = deliver(row.pk, clock=at(lease_end))

    row.refresh_from_db()
    assert (left_behind, early) == (NotificationStatus.SENDING, None)
    assert status == NotificationStatus.SENT
    assert (row.attempts, len(sink.requests)) == (2, 2)


def database_url() -> str:
    """Return the address of the test database, for another process."""
    parameters = connection.get_connection_params()
    user, password, host = (
        quote(str(parameters[name]), safe="") for name in ("user", "password", "host")
    )
    return f"postgresql://{user}:{password}@/{parameters['dbname']}?host={host}"
