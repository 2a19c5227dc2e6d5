"""An e-mail about a group of alerts: subject, text, HTML, and headers that make a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timesince import timesince

from alerts.receivers.base import Outgoing
from alerts.receivers.email.styles import STYLES
from alerts.routing.message import Message, MessageAlert, short_value

# Gmail cuts e-mails at 102 kB; one alert takes about 4 kB.
_ALERTS_SHOWN = 20
_NAMES_NOT_LISTED = frozenset({"alertname", "severity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """A pair of colours that reads on white and on black alike."""

    background: str
    text: str = "#ffffff"


_COLOURS = {
    "critical": Colour(background="#c81e1e"),
    "error": Colour(background="#c2410c"),
    "warning": Colour(background="#f5a524", text="#1f1300"),
    "info": Colour(background="#1d6fb8"),
}
_RESOLVED = Colour(background="#15803d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button; the main one is what a reader should press first."""

    title: str
    url: str
    is_main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCard:
    """One alert as its card in the e-mail shows it.

    Attributes:
        condition: The rule's expression; empty when a card above shows the same.
        labels: What tells the alert from the others.
        notes: Annotations that have no place of their own.
        ended_at: When it was resolved; for a firing alert when the message was made.
        lasted: From start to `ended_at`, in words.
    """

    alert: MessageAlert
    colour: Colour
    badge: str
    heading: str
    value: str
    condition: str
    labels: list[tuple[str, str]]
    notes: list[tuple[str, str]]
    started_at: datetime
    ended_at: datetime
    lasted: str
    actions: list[Action]


class Email(EmailMultiAlternatives):
    """An e-mail whose headers name all recipients, though it may go to those left over only."""

    envelope: Sequence[str] | None = None

    def recipients(self) -> list[str]:
        """Return whom the mail server is asked to deliver to."""
        return super().recipients() if self.envelope is None else list(self.envelope)


def compose_email(outgoing: Outgoing, *, recipients: Sequence[str]) -> Email:
    """Return the e-mail; for the same notification it is always the same, `Message-ID` included."""
    message = outgoing.message
    context = render_context(outgoing)
    thread = _message_id(outgoing.thread)
    headers = {
        "Message-ID": _message_id(outgoing.key),
        # All messages of one episode answer the same one, which never existed: mail programs
        # show them as one conversation.
        "In-Reply-To": thread,
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if message.is_firing and message.severity == "critical":
        headers |= {"X-Priority": "1", "Importance": "high"}
    email = Email(
        subject=message.title,
        body=render_to_string("alerts/email.txt", context),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(recipients),
        headers=headers,
    )
    email.attach_alternative(render_to_string("alerts/email.html", context), "text/html")
    return email


def render_html(outgoing: Outgoing) -> str:
    """Return the e-mail's HTML part, for a preview."""
    return render_to_string("alerts/email.html", render_context(outgoing))


def render_context(outgoing: Outgoing) -> dict[str, Any]:
    """Return what both templates show."""
    message = outgoing.message
    shown = [*message.firing, *message.resolved][:_ALERTS_SHOWN]
    # What all alerts share stands in the head; a single alert shows it once more in full.
    shared = message.common_labels if len(shown) > 1 else {}
    seen: set[str] = set()
    cards = []
    for alert in shown:
        is_repeated = alert.expr in seen or not alert.is_firing
        cards.append(
            _card(alert, outgoing, condition="" if is_repeated else alert.expr, shared=shared)
        )
        seen.add(alert.expr)
    colour = _COLOURS.get(message.severity, _COLOURS["info"]) if message.is_firing else _RESOLVED
    return {
        "message": message,
        "outgoing": outgoing,
        "colour": colour,
        "firing": [card for card in cards if card.alert.is_firing],
        "resolved": [card for card in cards if not card.alert.is_firing],
        "more": message.firing_count + message.resolved_count - len(cards),
        "scope": ", ".join(
            f"{name}={value}"
            for name, value in sorted(message.common_labels.items())
            if name not in _NAMES_NOT_LISTED
        ),
        "status": _status(message),
        "preheader": "Nothing is wrong." if message.is_test else _preheader(cards),
        "css": STYLES,
        "alerts_url": message.external_url + "/admin/alerts/alert/",
    }


def _card(
    alert: MessageAlert, outgoing: Outgoing, *, condition: str, shared: Mapping[str, str]
) -> AlertCard:
    ended_at = outgoing.made_at if alert.is_firing else alert.ends_at
    return AlertCard(
        alert=alert,
        colour=_COLOURS.get(alert.severity, _COLOURS["info"]) if alert.is_firing else _RESOLVED,
        badge=alert.severity if alert.is_firing else "resolved",
        heading=alert.summary or alert.name,
        value=short_value(alert.value),
        condition=condition,
        labels=[
            (name, value)
            for name, value in sorted(alert.labels.items())
            if name not in _NAMES_NOT_LISTED and name not in shared
        ],
        notes=[
            (name.replace("_", " ").capitalize(), value)
            for name, value in sorted(alert.annotations.items())
            if name not in {"summary", "message", "description", "runbook_url"} and value
        ],
        started_at=timezone.localtime(alert.starts_at),
        ended_at=timezone.localtime(ended_at),
        lasted=_lasted(alert.starts_at, ended_at),
        actions=_actions(alert),
    )


def _actions(alert: MessageAlert) -> list[Action]:
    """Return the alert's buttons; while it fires, the runbook or else the alert comes first."""
    links = [("Open alert", alert.alert_url), ("Graph", alert.generator_url)]
    if alert.is_firing:
        links.insert(0, ("What to do (runbook)", alert.runbook_url))
    shown = [(title, url) for title, url in links if url]
    return [
        Action(title=title, url=url, is_main=alert.is_firing and position == 0)
        for position, (title, url) in enumerate(shown)
    ]


def _status(message: Message) -> str:
    """Return the line above the name: `critical · 2 firing · 1 resolved`."""
    if message.is_test:
        return "Test message · nothing is wrong"
    if not message.is_firing:
        return "Resolved"
    parts = [message.severity, f"{message.firing_count} firing"]
    if message.resolved_count:
        parts.append(f"{message.resolved_count} resolved")
    return " · ".join(parts)


def _preheader(cards: Sequence[AlertCard]) -> str:
    """Return what lists of mail show beside the subject."""
    if not cards:
        return ""
    first = cards[0]
    if not first.alert.is_firing:
        return f"{first.heading}, after {first.lasted}"
    value = f", value {first.value}" if first.value else ""
    return f"{first.heading}{value}, since {first.started_at:%H:%M %Z}"


def _lasted(start: datetime, end: datetime) -> str:
    """Return how long it lasted in words: `12 minutes`, `under a minute`."""
    if (end - start).total_seconds() < 60:
        return "under a minute"
    return timesince(start, end, depth=2).replace("\xa0", " ")


def _message_id(name: str) -> str:
    """Return an id that belongs to this portal and to this name only."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    digest = hashlib.sha256(f"{settings.EXTERNAL_URL} {name}".encode()).hexdigest()[:32]
    return f"<{digest}@{domain}>"
