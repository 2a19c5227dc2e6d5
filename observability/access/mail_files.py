"""E-mail as files, for a portal without a mail server: each message one that a mail program opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from django.utils.text import slugify

_LONGEST_SLUG = 60


class EmailBackend(BaseEmailBackend):
    """Writes each message to `EMAIL_FILE_PATH/<time in UTC>-<subject>.eml`."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently=fail_silently, **kwargs)
        self._folder = Path(settings.EMAIL_FILE_PATH)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and return how many that was.

        Raises:
            OSError: The folder cannot be written to, unless the caller wants silence.
        """
        written = 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for message in email_messages:
                self._write(message)
                written += 1
        except OSError:
            if not self.fail_silently:
                raise
        return written

    def _write(self, message: EmailMessage) -> None:
        content = message.message().as_bytes()
        subject = slugify(message.subject)[:_LONGEST_SLUG].strip("-") or "no-subject"
        with self._new_file(subject) as file:
            file.write(content)

    def _new_file(self, subject: str) -> IO[bytes]:
        while True:
            time = timezone.now().strftime("%Y%m%d-%H%M%S-%f")
            try:
                return (self._folder / f"{time}-{subject}.eml").open("xb")
            except FileExistsError:
                continue  # another process has written in the same microsecond
