from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts.receivers.base import Outgoing
from alerts.receivers.slack.message import compose_slack
from alerts.routing.message import Message
from tests.alerts.factories import NOW, message, message_alert


def posted(said: Message) -> dict[str, Any]:
    outgoing = Outgoing(
        message=said,
        key="1",
        thread="1",
        explanation="First notification",
        history_url="http://portal.example/n/1",
        made_at=NOW,
    )
    attachment: dict[str, Any] = compose_slack(outgoing).attachment.to_dict()
    return attachment


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for child in value.values() for text in texts(child)]
    return [text for child in value for text in texts(child)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("severity", "status", "colour"),
    [
        pytest.param("critical", "firing", "#c81e1e", id="critical"),
        pytest.param("warning", "firing", "#f5a524", id="warning"),
        pytest.param("critical", "resolved", "#15803d", id="resolved"),
    ],
)
def test_colour_tells_severity_and_end(severity: str, status: Any, colour: str) -> None:
    alert = message_alert(
        labels={"alertname": "Load", "severity": severity}, status=status, ends_at=NOW
    )

    assert posted(message(alert))["color"] == colour


def test_header_fields_and_links_are_there() -> None:
    alert = message_alert(
        annotations={"summary": "Load is high", "runbook_url": "https://wiki.example/a|b?x=1&y=2"}
    )

    content = posted(message(alert))
    said = "\n".join(texts(content))

    assert content["blocks"][0]["text"]["text"] == "🟡 [FIRING:1] HighLoad (instance=node-1)"
    assert "*instance*\nnode-1" in said
    assert "<http://portal.example/admin/alerts/alert/1/change/|Alert>" in said
    assert "<https://wiki.example/a%7Cb?x=1&amp;y=2|Runbook>" in said


def test_mentions_and_links_in_labels_stay_text() -> None:
    alert = message_alert(
        labels={"alertname": "<!channel>", "severity": "info", "who": "<@U1>"},
        annotations={"summary": "<!here> & <http://evil.example|click>"},
    )

    said = "\n".join(texts(posted(message(alert))["blocks"][1:-1]))

    assert "<!channel>" not in said
    assert "<!here>" not in said
    assert "<@U1>" not in said
    assert "&lt;!here&gt; &amp; &lt;http://evil.example|click&gt;" in said


def test_message_stays_within_the_limits_of_slack() -> None:
    alerts = [
        message_alert(
            labels={"alertname": "L" * 300, "severity": "info", "n": str(n)}
            | {f"label_{i}": "v" * 3_000 for i in range(20)},
            annotations={"summary": "s" * 5_000, "description": "d" * 5_000},
            starts_at=NOW - timedelta(days=1),
        )
        for n in range(27)
    ]

    blocks = posted(message(*alerts))["blocks"]

    assert len(blocks) <= 50
    assert len(blocks[0]["text"]["text"]) <= 150
    for block in blocks:
        if block["type"] == "section":
            assert len(block.get("text", {}).get("text", "")) <= 3_000
            assert len(block.get("fields", [])) <= 10
            assert all(len(field["text"]) <= 2_000 for field in block.get("fields", []))
    assert "12 more alerts" in "\n".join(texts(blocks))
