"""An e-mail about a group of alerts: subject, text, HTML, and headers that make a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
from alerts.routing.message import MessageAlert, short_value

_ALERTS_SHOWN = 25
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
class AlertCard:
    """One alert as its card in the e-mail shows it."""

    alert: MessageAlert
    colour: Colour
    heading: str
    value: str
    labels: list[tuple[str, str]]
    notes: list[tuple[str, str]]
    started_at: datetime
    ended_at: datetime
    lasted: str


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
    cards = [_card(alert, outgoing) for alert in shown]
    colour = _COLOURS.get(message.severity, _COLOURS["info"]) if message.is_firing else _RESOLVED
    return {
        "message": message,
        "outgoing": outgoing,
        "colour": colour,
        "firing": [card for card in cards if card.alert.is_firing],
        "resolved": [card for card in cards if not card.alert.is_firing],
        "more": message.firing_count + message.resolved_count - len(cards),
        "scope": [
            (name, value)
            for name, value in sorted(message.common_labels.items())
            if name not in _NAMES_NOT_LISTED
        ],
        "alerts_url": message.external_url + "/admin/alerts/alert/",
    }


def _card(alert: MessageAlert, outgoing: Outgoing) -> AlertCard:
    ended_at = outgoing.made_at if alert.is_firing else alert.ends_at
    return AlertCard(
        alert=alert,
        colour=_COLOURS.get(alert.severity, _COLOURS["info"]) if alert.is_firing else _RESOLVED,
        heading=alert.summary or alert.name,
        value=short_value(alert.value),
        labels=[
            (name, value)
            for name, value in sorted(alert.labels.items())
            if name not in _NAMES_NOT_LISTED
        ],
        notes=[
            (name.replace("_", " ").capitalize(), value)
            for name, value in sorted(alert.annotations.items())
            if name not in {"summary", "message", "description", "runbook_url"} and value
        ],
        started_at=timezone.localtime(alert.starts_at),
        ended_at=timezone.localtime(ended_at),
        lasted=_lasted(alert.starts_at, ended_at),
    )


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
