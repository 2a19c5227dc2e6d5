"""What each way of telling people has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from alerts.models import Integration
from alerts.receivers.forms import IntegrationForm
from alerts.routing.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way to one integration.

    Attributes:
        message: What is said.
        key: The same at each attempt and unique among notifications, so that a provider can
            tell a repeated attempt from a new message.
        thread: The same for all messages of one episode of a group.
        explanation: Why the message is sent, for its small print.
        history_url: The notification's page in the portal.
        made_at: When the message was made.
        progress: What the attempt before has left in `DeliveryError.progress`.
    """

    message: Message
    key: str
    thread: str
    explanation: str
    history_url: str
    made_at: datetime
    progress: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The provider has taken the message.

    Attributes:
        response: What it answered.
        warning: What an operator should know all the same, such as a refused recipient.
    """

    response: str = ""
    warning: str = ""


class DeliveryError(Exception):
    """The message has not been delivered.

    Attributes:
        is_permanent: Whether another attempt at the same message cannot help.
        retry_after: How long the provider asks to be left alone; None when it does not say.
        response: What the provider answered.
        progress: What the next attempt must know.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_permanent: bool,
        retry_after: timedelta | None = None,
        response: str = "",
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Say why in one line that an operator can act on."""
        super().__init__(reason)
        self.is_permanent = is_permanent
        self.retry_after = retry_after
        self.response = response
        self.progress = dict(progress or {})


class ReceiverKind(Protocol):
    """One way of telling people.

    Attributes:
        key: What `Integration.kind` holds.
        title: What operators call it.
        icon: A name of Google's Material Symbols.
    """

    key: str
    title: str
    icon: str

    @property
    def form(self) -> type[IntegrationForm]:
        """The admin's form, which fills the integration's `config` and `secrets`."""

    def target(self, integration: Integration) -> str:
        """Return where the messages go, for lists; never a secret."""

    def send(self, outgoing: Outgoing, integration: Integration) -> Delivered:
        """Hand the message to the provider, or raise `DeliveryError`.

        Called outside any transaction. It must come to an end within
        `alerts.delivery.DEADLINE`, and may be called again with the same message.
        """

    def preview_html(self, outgoing: Outgoing) -> str:
        """Return the message as a page of HTML; empty when it is not HTML."""
