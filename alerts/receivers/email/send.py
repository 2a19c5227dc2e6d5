"""Hands e-mails to the mail server and says what its answers mean.

4xx and silence are worth another attempt, 5xx are not. When only some recipients are put off,
the next attempt goes to those alone, so that nobody gets a message twice.
"""

from __future__ import annotations

import smtplib

from alerts.models import Integration
from alerts.receivers.base import Delivered, DeliveryError, Outgoing
from alerts.receivers.email.config import EmailConfig, EmailForm
from alerts.receivers.email.message import Email, compose_email, render_html
from alerts.receivers.email.transport import Refusals, named, readable, send_mail

_PERMANENT_FROM = 500


class EmailKind:
    """Tells people by e-mail."""

    key = "email"
    title = "E-mail"
    icon = "mail"
    form = EmailForm

    def target(self, integration: Integration) -> str:
        """Return the recipients."""
        return ", ".join(EmailConfig.from_json(integration.config).recipients)

    def send(self, outgoing: Outgoing, integration: Integration) -> Delivered:
        """Send the e-mail to those recipients who have not got it yet."""
        recipients = EmailConfig.from_json(integration.config).recipients
        rejected: Refusals = {
            address: (int(code), str(text))
            for address, (code, text) in outgoing.progress.get("rejected", {}).items()
        }
        done = {*outgoing.progress.get("accepted", ()), *rejected}
        left = [address for address in recipients if address not in done]
        email = compose_email(outgoing, recipients=recipients)
        email.envelope = left
        refused = _try(email) if left else {}

        put_off = {a: answer for a, answer in refused.items() if answer[0] < _PERMANENT_FROM}
        rejected |= {a: answer for a, answer in refused.items() if a not in put_off}
        accepted = [a for a in recipients if a not in rejected and a not in put_off]
        if put_off:
            raise DeliveryError(
                f"the mail server put off {named(put_off)}",
                is_permanent=False,
                progress={"accepted": accepted, "rejected": rejected},
            )
        if not accepted:
            raise DeliveryError(
                f"the mail server refused every recipient: {named(rejected)}", is_permanent=True
            )
        return Delivered(
            response=f"accepted for {', '.join(accepted)}",
            warning=f"the mail server refused {named(rejected)}" if rejected else "",
        )

    def preview_html(self, outgoing: Outgoing) -> str:
        """Return the e-mail's HTML part."""
        return render_html(outgoing)


def _try(email: Email) -> Refusals:
    """Return whom the server has refused, be it some or all; raise when it is not about them."""
    try:
        return send_mail(email)
    except smtplib.SMTPRecipientsRefused as error:
        return readable(error.recipients)
    except smtplib.SMTPResponseException as error:
        answer = readable({"": (error.smtp_code, _as_bytes(error.smtp_error))})[""]
        raise DeliveryError(
            f"the mail server answered {answer[0]} {answer[1]}",
            is_permanent=error.smtp_code >= _PERMANENT_FROM,
            response=f"{answer[0]} {answer[1]}",
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryError(f"the mail server cannot do it: {error}", is_permanent=True) from error
    except (smtplib.SMTPException, OSError) as error:
        # smtplib makes a broken connection of a timeout, and keeps it as the context.
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            reason = "the mail server did not answer in time"
        else:
            reason = f"no connection to the mail server: {error}"
        raise DeliveryError(reason, is_permanent=False) from error


def _as_bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
