from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from alerts.delivery import deliver
from alerts.models import Integration, Notification, NotificationStatus
from tests.alerts.factories import NOW, IntegrationFactory, NotificationFactory
from tests.alerts.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


@pytest.fixture
def smtp(settings: Settings) -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 1
        settings.DEFAULT_FROM_EMAIL = "Portal <portal@example.com>"
        yield sink


@pytest.fixture
def integration(db: None) -> Integration:
    integration: Integration = IntegrationFactory.create(config={"recipients": [ANN, BOB, CAT]})
    return integration


@pytest.fixture
def notification(integration: Integration) -> Notification:
    notification: Notification = NotificationFactory.create(integration=integration)
    return notification


def attempt(notification: Notification, *, later: timedelta = timedelta()) -> Notification:
    deliver(notification.pk, clock=lambda: NOW + later)
    notification.refresh_from_db()
    return notification


def test_accepted_email_goes_to_all_recipients(smtp: SmtpSink, notification: Notification) -> None:
    attempt(notification)

    assert notification.status == NotificationStatus.SENT
    assert smtp.recipients == [[ANN, BOB, CAT]]
    assert smtp.mail[0]["Subject"] == "[FIRING:1] HighLoad (instance=node-1)"


def test_refused_recipient_is_named_and_the_others_get_it(
    smtp: SmtpSink, notification: Notification
) -> None:
    smtp.rcpt_answers = {BOB: "550 no such user"}

    attempt(notification)

    assert notification.status == NotificationStatus.SENT
    assert notification.error == f"the mail server refused {BOB} (550 no such user)"
    assert smtp.recipients == [[ANN, CAT]]


def test_email_that_every_recipient_is_refused_for_fails_for_good(
    smtp: SmtpSink, notification: Notification
) -> None:
    smtp.rcpt_answers = dict.fromkeys([ANN, BOB, CAT], "550 no such user")

    attempt(notification)

    assert notification.status == NotificationStatus.FAILED
    assert all(name in notification.error for name in (ANN, BOB, CAT))


def test_recipient_who_is_put_off_gets_it_later_and_nobody_twice(
    smtp: SmtpSink, notification: Notification
) -> None:
    smtp.rcpt_answers = {ANN: "550 no such user", BOB: "451 greylisted"}
    first = attempt(notification).status
    smtp.rcpt_answers = {}

    attempt(notification, later=timedelta(minutes=5))

    assert first == NotificationStatus.PENDING
    assert notification.status == NotificationStatus.SENT
    assert smtp.recipients == [[CAT], [BOB]]
    assert ANN in notification.error
    assert smtp.mail[0]["Message-ID"] == smtp.mail[1]["Message-ID"]
    assert smtp.mail[1]["To"] == f"{ANN}, {BOB}, {CAT}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(
            "451 try later", "the mail server answered 451 try later", id="451 after DATA"
        ),
        pytest.param("hang", "the mail server did not answer in time", id="hangs after DATA"),
        pytest.param("close", "no connection to the mail server", id="breaks off after DATA"),
    ],
)
def test_email_whose_acceptance_is_not_certain_is_sent_again(
    smtp: SmtpSink, notification: Notification, answer: str, error: str
) -> None:
    smtp.data_answers = [answer]
    first = attempt(notification)
    first_status, first_error = first.status, first.error

    attempt(notification, later=timedelta(minutes=5))

    assert first_status == NotificationStatus.PENDING
    assert first_error.startswith(error)
    assert notification.status == NotificationStatus.SENT
    assert len(smtp.mail) == 1


def test_email_that_is_refused_after_data_fails_for_good(
    smtp: SmtpSink, notification: Notification
) -> None:
    smtp.data_answers = ["554 looks like spam"]

    attempt(notification)

    assert notification.status == NotificationStatus.FAILED
    assert notification.error == "the mail server answered 554 looks like spam"


def test_mail_server_that_is_away_is_tried_again(
    smtp: SmtpSink, notification: Notification, settings: Settings
) -> None:
    settings.EMAIL_PORT = 1

    attempt(notification)

    assert notification.status == NotificationStatus.PENDING
    assert "refused" in notification.error.lower()


def test_email_without_a_mail_server_becomes_a_file(
    notification: Notification, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "observability.access.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)

    attempt(notification)

    assert notification.status == NotificationStatus.SENT
    (file,) = tmp_path.iterdir()
    assert "HighLoad" in file.read_text()
