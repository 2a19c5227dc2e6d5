from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from alerts.receivers.base import Outgoing
from alerts.receivers.email.message import Email, compose_email
from alerts.routing.message import Message
from tests.alerts.factories import NOW, message, message_alert


@pytest.fixture(autouse=True)
def _sender(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Portal <portal@example.com>"


def email(said: Message, *, key: str = "1-1:1:0", thread: str = "group-1") -> Email:
    outgoing = Outgoing(
        message=said,
        key=key,
        thread=thread,
        explanation="First notification",
        history_url="http://portal.example/n/1",
        made_at=NOW + timedelta(minutes=12),
    )
    return compose_email(outgoing, recipients=["oncall@example.com"])


def html(sent: Email) -> str:
    ((content, kind),) = sent.alternatives
    assert kind == "text/html"
    return str(content)


def test_both_parts_say_what_is_wrong_since_when_and_where_to_go() -> None:
    alert = message_alert(
        annotations={
            "summary": "Load on node-1 is high",
            "description": "Work piles up.",
            "runbook_url": "https://wiki.example/load",
        }
    )

    sent = email(message(alert))

    for part in (str(sent.body), html(sent)):
        for words in (
            "Load on node-1 is high",
            "Work piles up.",
            "12 minutes",
            "https://wiki.example/load",
            "/admin/alerts/alert/1/change/",
            "/admin/metrics/query/",
        ):
            assert words in part


def test_messages_of_one_episode_make_one_conversation() -> None:
    first, second = email(message(), key="1"), email(message(), key="2")
    other = email(message(), key="3", thread="group-2")

    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]
    assert first.extra_headers["References"] == second.extra_headers["References"]
    assert first.extra_headers["References"] != other.extra_headers["References"]


def test_message_id_is_the_same_at_each_attempt() -> None:
    assert (
        email(message()).extra_headers["Message-ID"] == email(message()).extra_headers["Message-ID"]
    )


def test_markup_in_labels_and_annotations_stays_text() -> None:
    alert = message_alert(
        annotations={"summary": "<script>alert(1)</script>", "description": "<b>"}
    )

    content = html(email(message(alert)))

    assert "<script>" not in content
    assert "&lt;script&gt;" in content


def test_runbook_that_is_no_web_address_is_not_linked() -> None:
    alert = message_alert(annotations={"summary": "x", "runbook_url": "javascript:alert(1)"})

    assert "javascript:" not in html(email(message(alert)))


def test_line_break_in_a_label_does_not_break_the_subject() -> None:
    alert = message_alert(
        labels={"alertname": "Load", "severity": "info", "note": "a\r\nBcc: eve@example.com"}
    )

    sent = email(message(alert))

    assert "\n" not in sent.subject
    assert sent.message()["Bcc"] is None


def test_resolved_message_says_so_and_how_long_it_lasted() -> None:
    alert = message_alert(status="resolved", ends_at=NOW + timedelta(minutes=7))

    sent = email(message(alert))

    assert sent.subject == "[RESOLVED] HighLoad (instance=node-1)"
    assert "7 minutes" in str(sent.body)


def test_alerts_that_do_not_fit_are_counted() -> None:
    alerts = [
        message_alert(labels={"alertname": "Load", "severity": "info", "n": str(n)})
        for n in range(40)
    ]

    content = html(email(message(*alerts)))

    assert "and 20 more alerts" in content
    assert len(content.encode()) < 102_000
