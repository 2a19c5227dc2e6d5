from __future__ import annotations

import json

import pytest

from alerts.delivery import as_outgoing
from alerts.models import Notification
from alerts.receivers.base import Outgoing
from alerts.receivers.email.message import compose_email
from alerts.receivers.slack.message import compose_slack
from alerts.routing.trial import send_test
from tests.alerts.factories import NOW, IntegrationFactory

pytestmark = pytest.mark.django_db

TITLE = "[TEST] Test message to on-call, nothing is wrong"


@pytest.fixture
def trial() -> Outgoing:
    """A test message as its kind gets it, read back from the outbox."""
    integration = IntegrationFactory.create(receiver__name="on-call")
    (made,) = send_test(integration.receiver, now=NOW)
    return as_outgoing(Notification.objects.get(pk=made.pk))


def test_a_test_by_email_is_plainly_a_test(trial: Outgoing) -> None:
    email = compose_email(trial, recipients=["oncall@example.com"])

    ((page, _),) = email.alternatives
    assert email.subject == TITLE
    for part in (str(email.body), str(page)):
        assert "Nothing is wrong" in part
        assert "Since" not in part
        assert "ago)" not in part
        assert "1 firing" not in part


def test_a_test_in_slack_is_plainly_a_test(trial: Outgoing) -> None:
    posted = compose_slack(trial)

    assert posted.text == TITLE
    assert "Since" not in json.dumps(posted.attachment.to_dict())


def test_the_history_names_a_test_as_one(trial: Outgoing) -> None:
    assert Notification.objects.get().title == TITLE
