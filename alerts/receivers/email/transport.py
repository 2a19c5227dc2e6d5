"""Django's SMTP backend, which also tells which recipients the server has refused."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

Refusals = dict[str, tuple[int, str]]
"""SMTP code and text by refused recipient."""

_DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"


class _Receipt:
    """What the server has said to the message, should the connection break afterwards."""

    def __init__(self) -> None:
        self.is_accepted = False
        self.refused: Refusals = {}

    def fill(self, refused: dict[str, tuple[int, bytes]]) -> None:
        self.is_accepted = True
        self.refused = readable(refused)


class _SmtpBackend(EmailBackend):
    """Django's backend with a receipt: Django drops what `sendmail` returns."""

    def __init__(self, *args: Any, receipt: _Receipt, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receipt = receipt

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        base: type[smtplib.SMTP] = smtplib.SMTP_SSL if self.use_ssl else smtplib.SMTP
        receipt = self._receipt

        class Connection(base):  # type: ignore[misc, valid-type] # chosen while running
            def sendmail(self, *args: Any, **kwargs: Any) -> dict[str, tuple[int, bytes]]:
                refused: dict[str, tuple[int, bytes]] = super().sendmail(*args, **kwargs)
                receipt.fill(refused)
                return refused

        return Connection


def send_mail(email: EmailMessage) -> Refusals:
    """Send through the configured mail server and return whom it has refused.

    Raises:
        smtplib.SMTPException: The server has refused the message or all recipients.
        OSError: The server could not be reached or fell silent.
    """
    receipt = _Receipt()
    connection: BaseEmailBackend
    if settings.EMAIL_BACKEND == _DJANGO_SMTP:
        connection = _SmtpBackend(receipt=receipt)
    else:
        connection = get_connection()
    try:
        connection.send_messages([email])
    except (smtplib.SMTPException, OSError):
        # The server had taken the message and failed at saying goodbye: it is delivered.
        if not receipt.is_accepted:
            raise
    return receipt.refused


def readable(refused: dict[str, tuple[int, bytes]]) -> Refusals:
    """Return refusals with their texts decoded and on one line."""
    return {
        address: (code, " ".join(text.decode("utf-8", "replace").split()))
        for address, (code, text) in refused.items()
    }


def named(refused: Refusals, addresses: Sequence[str] | None = None) -> str:
    """Return refusals for an operator: `joe@example.com (550 no such user)`."""
    return ", ".join(
        f"{address} ({code} {text})"
        for address, (code, text) in refused.items()
        if addresses is None or address in addresses
    )
