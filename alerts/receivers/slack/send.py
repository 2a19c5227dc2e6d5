"""Posts to a Slack webhook and says what its answers mean.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (errors).
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from slack_sdk.webhook import WebhookClient, WebhookResponse

from alerts.models import Integration
from alerts.receivers.base import Delivered, DeliveryError, Outgoing
from alerts.receivers.slack.config import SlackForm, webhook_url
from alerts.receivers.slack.message import compose_slack
from observability.access.errors import OutgoingFailedError, OutgoingRefusedError
from observability.access.outgoing import fetch

_TIMEOUT_SECONDS = 15
# What asks for another attempt although it is a 4xx: request timeout, too early, rate limit.
_RETRYABLE = frozenset({408, 425, 429})


class CheckedWebhookClient(WebhookClient):
    """Slack's client on the portal's own checked way out; it neither logs nor retries by itself."""

    def _perform_http_request(
        self, *, body: dict[str, Any], headers: dict[str, str]
    ) -> WebhookResponse:
        # Slack never redirects, and a POST that is redirected could arrive as a GET
        # whose answer looks like success.
        response = fetch(
            "POST",
            self.url,
            headers={**headers, "Content-Type": "application/json;charset=utf-8"},
            body=json.dumps(body).encode(),
            timeout_seconds=self.timeout,
            max_redirects=0,
        )
        return WebhookResponse(
            url=self.url,
            status_code=response.status,
            body=response.body.decode("utf-8", "replace"),
            headers={name.lower(): value for name, value in response.headers.items()},
        )


class SlackKind:
    """Tells people in a Slack channel."""

    key = "slack"
    title = "Slack"
    icon = "forum"
    form = SlackForm

    def target(self, integration: Integration) -> str:
        """Return a word for the channel, which only the secret address knows."""
        return "webhook" if webhook_url(integration) else "webhook not set"

    def send(self, outgoing: Outgoing, integration: Integration) -> Delivered:
        """Post the message."""
        message = compose_slack(outgoing)
        client = CheckedWebhookClient(webhook_url(integration), timeout=_TIMEOUT_SECONDS)
        try:
            response = client.send(text=message.text, attachments=[message.attachment])
        except OutgoingRefusedError as error:
            raise DeliveryError(str(error), is_permanent=True) from error
        except OutgoingFailedError as error:
            raise DeliveryError(str(error), is_permanent=False) from error
        status, answer = response.status_code, response.body.strip()
        if 200 <= status < 300:
            return Delivered(response=f"{status} {answer}".strip())
        is_permanent = 300 <= status < 500 and status not in _RETRYABLE
        raise DeliveryError(
            f"Slack answered {status} {answer}".strip(),
            is_permanent=is_permanent,
            retry_after=_retry_after(response.headers.get("retry-after", "")),
            response=f"{status} {answer}".strip(),
        )

    def preview_html(self, outgoing: Outgoing) -> str:
        """Return nothing: Slack's blocks are not HTML."""
        return ""


def _retry_after(header: str) -> timedelta | None:
    """Return the pause that Slack asks for; it gives seconds."""
    return timedelta(seconds=int(header)) if header.isdecimal() else None
