"""A Slack message about a group of alerts, in blocks and within Slack's limits.

Source: https://docs.slack.dev/reference/block-kit/blocks (lengths and counts).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from alerts.receivers.base import Outgoing
from alerts.routing.message import MessageAlert, short_value

_MOST_BLOCKS = 50
_LONGEST_HEADER = 150
_LONGEST_SECTION = 3_000
_LONGEST_FIELD = 2_000

# Header, scope, 'and 12 more', and the closing line; an alert takes up to three blocks.
_ALERTS_SHOWN = (_MOST_BLOCKS - 4) // 3

_COLOURS = {"critical": "#c81e1e", "error": "#c2410c", "warning": "#f5a524", "info": "#1d6fb8"}
_RESOLVED_COLOUR = "#15803d"
_SIGNS = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}
_RESOLVED_SIGN = "✅"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """What is posted: a plain line for notifications, and the coloured attachment."""

    text: str
    attachment: BlockAttachment


def compose_slack(outgoing: Outgoing) -> SlackMessage:
    """Return the message; alerts that do not fit are counted."""
    message = outgoing.message
    sign = _SIGNS.get(message.severity, "🔵") if message.is_firing else _RESOLVED_SIGN
    alerts = [*message.firing, *message.resolved]
    shown = alerts[:_ALERTS_SHOWN]
    blocks: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=_cut(f"{sign} {message.title}", _LONGEST_HEADER)))
    ]
    for alert in shown:
        blocks += _alert_blocks(alert, is_test=message.is_test)
    more = message.firing_count + message.resolved_count - len(shown)
    if more:
        blocks.append(
            _section(f"… and <{message.external_url}/admin/alerts/alert/|{more} more alerts>")
        )
    blocks.append(
        ContextBlock(
            elements=[
                MarkdownTextObject(
                    text=f"{escape(outgoing.explanation)} · receiver {escape(message.receiver)} · "
                    f"<{_link(outgoing.history_url)}|delivery history>"
                )
            ]
        )
    )
    colour = _COLOURS.get(message.severity, "#1d6fb8") if message.is_firing else _RESOLVED_COLOUR
    return SlackMessage(
        text=escape(message.title),
        attachment=BlockAttachment(blocks=blocks, color=colour, fallback=escape(message.title)),
    )


def escape(text: str) -> str:
    """Return text in which Slack sees no links, mentions or entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert_blocks(alert: MessageAlert, *, is_test: bool) -> Iterator[Block]:
    sign = _SIGNS.get(alert.severity, "🔵") if alert.is_firing else _RESOLVED_SIGN
    lines = [f"{sign} *{escape(alert.summary or alert.name)}*"]
    if alert.description:
        lines.append(escape(alert.description))
    if alert.expr:
        lines.append(f"`{escape(alert.expr).replace('`', chr(39))}`")
    yield _section("\n".join(lines))
    fields = [("Severity", alert.severity)]
    if not is_test:
        fields.append(("Since", _time(alert.starts_at)))
    if not alert.is_firing:
        fields.append(("Resolved", _time(alert.ends_at)))
    if alert.value:
        fields.append(("Value", short_value(alert.value)))
    labels = [
        (name, value)
        for name, value in sorted(alert.labels.items())
        if name not in {"alertname", "severity"}
    ]
    fields += [(escape(name), escape(value)) for name, value in labels[: 10 - len(fields)]]
    yield SectionBlock(
        fields=[
            MarkdownTextObject(text=_cut(f"*{name}*\n{value or ' '}", _LONGEST_FIELD))
            for name, value in fields
        ]
    )
    links = [
        (alert.alert_url, "Alert"),
        (alert.generator_url, "Graph"),
        (alert.runbook_url, "Runbook"),
    ]
    text = "   ".join(f"<{_link(url)}|{name}>" for url, name in links if url)
    if text:
        yield ContextBlock(elements=[MarkdownTextObject(text=_cut(text, _LONGEST_SECTION))])


def _section(text: str) -> SectionBlock:
    return SectionBlock(text=MarkdownTextObject(text=_cut(text, _LONGEST_SECTION)))


def _time(moment: datetime) -> str:
    """Return a time that Slack shows in the reader's own time zone."""
    fallback = f"{moment:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def _link(url: str) -> str:
    """Return an address that cannot end Slack's link syntax early."""
    return url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C").replace("&", "&amp;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
