from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alerts.models import Integration, Notification, NotificationReason, Receiver, Route
from alerts.routing.readiness import setup_problems
from observability.access.roles import OPERATOR, VIEWER
from tests.access.cast import signed_in
from tests.alerts.factories import IntegrationFactory, ReceiverFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/receiver/"
ADD = "/admin/alerts/receiver/add/"
SECRET = "https://hooks.slack.example/services/T000/B000/s3cr3t"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def fields(**changes: Any) -> dict[str, Any]:
    """Return what a browser sends for a receiver with one e-mail integration."""
    return {
        "name": "on-call",
        "integrations-TOTAL_FORMS": "1",
        "integrations-INITIAL_FORMS": "0",
        "integrations-0-recipients": "ann@example.com\nBob <bob@example.com>",
        "integrations-0-send_resolved": "on",
        "integrations-0-enabled": "on",
        "integrations-2-TOTAL_FORMS": "1",
        "integrations-2-INITIAL_FORMS": "0",
        "integrations-2-0-webhook_url": "",
        "integrations-2-0-send_resolved": "on",
        "integrations-2-0-enabled": "on",
    } | changes


def test_the_first_receiver_is_told_about_all_alerts(operator: Client) -> None:
    response = operator.post(ADD, fields())

    assert response.status_code == 302
    integration = Integration.objects.get()
    assert integration.kind == "email"
    assert integration.config == {"recipients": ["ann@example.com", "bob@example.com"]}
    assert Route.objects.root().receiver == Receiver.objects.get()
    assert setup_problems() == []


def test_later_receivers_leave_the_root_route_alone(operator: Client) -> None:
    operator.post(ADD, fields())

    operator.post(ADD, fields(name="database team"))

    assert str(Route.objects.root().receiver) == "on-call"


def test_recipient_that_is_no_address_is_named(operator: Client) -> None:
    response = operator.post(
        ADD, fields(**{"integrations-0-recipients": "ann@example.com, not-an-address"})
    )

    assert "Not an e-mail address: not-an-address" in response.content.decode()
    assert not Receiver.objects.exists()


def test_webhook_address_is_never_shown_again_and_kept_when_left_blank(operator: Client) -> None:
    operator.post(ADD, fields(**{"integrations-2-0-webhook_url": SECRET}))
    slack = Integration.objects.get(kind="slack")
    email = Integration.objects.get(kind="email")
    url = f"{LIST}{slack.receiver_id}/change/"

    page = operator.get(url)
    operator.post(
        url,
        fields(
            **{
                "name": "on-call people",
                "integrations-INITIAL_FORMS": "1",
                "integrations-0-id": email.pk,
                "integrations-0-receiver": email.receiver_id,
                "integrations-2-INITIAL_FORMS": "1",
                "integrations-2-0-id": slack.pk,
                "integrations-2-0-receiver": slack.receiver_id,
            }
        ),
    )

    slack.refresh_from_db()
    assert "s3cr3t" not in page.content.decode()
    assert slack.receiver.name == "on-call people"
    assert slack.secrets == {"webhook_url": SECRET}


def test_webhook_address_that_is_none_is_refused_without_repeating_it(operator: Client) -> None:
    response = operator.post(ADD, fields(**{"integrations-2-0-webhook_url": "s3cr3t"}))

    content = response.content.decode()
    assert "Must be an address that begins with https://" in content
    assert "s3cr3t" not in content


def test_webhook_address_that_is_never_called_is_refused_when_it_is_saved(operator: Client) -> None:
    url = "http://169.254.169.254/services/s3cr3t"

    response = operator.post(ADD, fields(**{"integrations-2-0-webhook_url": url}))

    content = response.content.decode()
    assert "it is a cloud metadata service" in content
    assert "s3cr3t" not in content
    assert not Integration.objects.exists()


def test_viewer_sees_where_messages_go_but_no_secret() -> None:
    integration = IntegrationFactory.create()
    IntegrationFactory.create(
        receiver=integration.receiver, kind="slack", secrets={"webhook_url": SECRET}
    )

    page = signed_in(VIEWER).get(f"{LIST}{integration.receiver_id}/change/").content.decode()

    assert "oncall@example.com" in page
    assert "s3cr3t" not in page


def test_test_button_puts_one_message_for_each_integration_into_the_outbox(
    operator: Client,
) -> None:
    receiver = ReceiverFactory.create()
    IntegrationFactory.create_batch(2, receiver=receiver)
    IntegrationFactory.create(receiver=receiver, enabled=False)
    url = f"{LIST}{receiver.pk}/tests/"

    operator.post(url)
    page = operator.get(url).content.decode()

    assert Notification.objects.filter(reason=NotificationReason.TEST).count() == 2
    assert "On its way" in page
    assert "location.reload()" in page


def test_outcome_of_a_test_is_shown_with_its_error(operator: Client) -> None:
    integration = IntegrationFactory.create()
    url = f"{LIST}{integration.receiver_id}/tests/"
    operator.post(url)
    Notification.objects.update(status="failed", error="Slack answered 404 no_service")

    page = operator.get(url).content.decode()

    assert "Slack answered 404 no_service" in page
    assert "location.reload()" not in page


def test_list_of_receivers_does_not_need_more_queries_for_more_rows(operator: Client) -> None:
    IntegrationFactory.create()
    operator.get(LIST)
    with CaptureQueriesContext(connection) as few:
        operator.get(LIST)
    IntegrationFactory.create_batch(10)

    with CaptureQueriesContext(connection) as many:
        operator.get(LIST)

    assert len(many) == len(few)


def test_routing_leads_to_the_root_route_with_its_durations(operator: Client) -> None:
    page = operator.get("/admin/alerts/route/", follow=True)

    form = page.context["adminform"].form
    shown = [form[name].value() for name in ("group_by", "group_wait_ms", "repeat_interval_ms")]
    assert shown == ["alertname", "30s", "4h"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({}, None, id="valid"),
        pytest.param({"group_by": "..."}, None, id="by all labels"),
        pytest.param({"group_by": ""}, None, id="one group"),
        pytest.param({"group_by": "..., job"}, "group_by", id="all labels and one more"),
        pytest.param({"group_wait_ms": "soon"}, "group_wait_ms", id="no duration"),
        pytest.param({"group_interval_ms": "0s"}, "group_interval_ms", id="flushes without end"),
    ],
)
def test_root_route_takes_valid_settings_only(
    operator: Client, changes: dict[str, str], error: str | None
) -> None:
    receiver = ReceiverFactory.create()
    valid = {
        "receiver": str(receiver.pk),
        "group_by": "alertname, instance",
        "group_wait_ms": "0s",
        "group_interval_ms": "1m",
        "repeat_interval_ms": "1h",
    }

    response = operator.post(Route.objects.root().get_absolute_url(), valid | changes)

    if error is None:
        assert response.status_code == 302
        assert Route.objects.root().receiver == receiver
    else:
        assert error in response.context["adminform"].form.errors


def test_missing_receiver_is_said_loudly() -> None:
    (problem,) = setup_problems()

    assert problem.title == "Nobody is told about alerts"
    assert problem.url_name == "admin:alerts_receiver_add"


def test_receiver_whose_integrations_are_off_is_said_loudly() -> None:
    integration = IntegrationFactory.create(enabled=False)
    root = Route.objects.root()
    root.receiver = integration.receiver
    root.save()

    (problem,) = setup_problems()

    assert integration.receiver.name in problem.title
