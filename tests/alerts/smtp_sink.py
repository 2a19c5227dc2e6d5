"""A mail server on loopback that refuses, hangs and breaks off as a test tells it to."""

from __future__ import annotations

import asyncio
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Controller(Controller):
    """Listens on a free port: the one of the base class must be known beforehand."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # aiosmtpd's


class SmtpSink:
    """Keeps what was delivered, with its envelope.

    Attributes:
        rcpt_answers: Answers to `RCPT TO` by recipient; who is not named is accepted.
        data_answers: Answers to the end of DATA, one a message, used up; then 250. `hang` never
            answers, `close` breaks the connection off.
        mail: Every message that was accepted.
        recipients: The envelope of each message in `mail`.
    """

    def __init__(self) -> None:
        self.rcpt_answers: dict[str, str] = {}
        self.data_answers: list[str] = []
        self.mail: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self._released = threading.Event()
        self._controller = _Controller(self, hostname="127.0.0.1", port=0)

    @property
    def port(self) -> int:
        """Where the server listens."""
        port: int = self._controller.port
        return port

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for this name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Answer to one recipient."""
        answer = self.rcpt_answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer to a message."""
        answer = self.data_answers.pop(0) if self.data_answers else "250 OK"
        if answer == "hang":
            while not self._released.is_set():
                await asyncio.sleep(0.02)
        if answer in {"hang", "close"}:
            transport: Any = server.transport
            transport.abort()
            return "421 gone"
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            parsed = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
            self.mail.append(parsed)
            self.recipients.append(list(envelope.rcpt_tos))
        return answer

    def __enter__(self) -> SmtpSink:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._controller.stop()
