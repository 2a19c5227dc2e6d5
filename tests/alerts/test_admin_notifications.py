from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alerts.models import Notification, NotificationStatus
from observability.access.roles import OPERATOR, VIEWER
from tests.access.cast import signed_in
from tests.alerts.factories import (
    IntegrationFactory,
    NotificationFactory,
    message,
    message_alert,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/notification/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def test_list_does_not_need_more_queries_for_more_rows(operator: Client) -> None:
    NotificationFactory.create()
    operator.get(LIST)
    with CaptureQueriesContext(connection) as few:
        operator.get(LIST)
    NotificationFactory.create_batch(20)

    with CaptureQueriesContext(connection) as many:
        operator.get(LIST)

    assert len(many) == len(few)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("status__exact=failed", id="status"),
        pytest.param("receiver=database", id="receiver"),
        pytest.param("kind=slack", id="kind"),
        pytest.param("q=no_service", id="search"),
    ],
)
def test_list_can_be_narrowed_down(operator: Client, query: str) -> None:
    NotificationFactory.create(title="the one that was sent", status=NotificationStatus.SENT)
    slack = IntegrationFactory.create(kind="slack", receiver__name="database")
    NotificationFactory.create(
        title="the one that failed",
        integration=slack,
        status=NotificationStatus.FAILED,
        error="Slack answered 404 no_service",
    )

    page = operator.get(f"{LIST}?{query}").content.decode()

    assert "the one that failed" in page
    assert "the one that was sent" not in page


def test_detail_shows_the_email_in_a_sandbox_where_markup_stays_text(operator: Client) -> None:
    alert = message_alert(annotations={"summary": '"><script>alert(1)</script>'})
    row = NotificationFactory.create(payload=message(alert).to_json())

    page = operator.get(row.get_absolute_url()).content.decode()

    assert "sandbox" in page
    assert "&lt;!DOCTYPE html&gt;" in page
    assert "<script>alert(1)</script>" not in page


def test_failed_notification_is_queued_again_by_its_button(operator: Client) -> None:
    row = NotificationFactory.create(status=NotificationStatus.FAILED, error="gone")

    page = operator.get(row.get_absolute_url()).content.decode()
    operator.post(f"{LIST}{row.pk}/retry/")

    row.refresh_from_db()
    assert "Retry now" in page
    assert row.status == NotificationStatus.PENDING


def test_failed_notifications_are_queued_again_from_the_list(operator: Client) -> None:
    rows = NotificationFactory.create_batch(3, status=NotificationStatus.DEAD)

    operator.post(LIST, {"action": "retry", "_selected_action": [row.pk for row in rows]})

    assert set(Notification.objects.values_list("status", flat=True)) == {"pending"}


def test_viewer_cannot_retry() -> None:
    row = NotificationFactory.create(status=NotificationStatus.FAILED)
    viewer = signed_in(VIEWER)

    page = viewer.get(row.get_absolute_url()).content.decode()
    answer = viewer.post(f"{LIST}{row.pk}/retry/")

    assert "Retry now" not in page
    assert answer.status_code == 403


def test_history_cannot_be_changed_or_deleted(operator: Client) -> None:
    row = NotificationFactory.create()

    assert operator.post(row.get_absolute_url(), {"title": "x"}).status_code == 403
    assert operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
