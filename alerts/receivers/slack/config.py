"""What an operator sets for Slack: the address of an incoming webhook, which is a secret."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from alerts.models import Integration
from alerts.receivers.forms import IntegrationForm
from observability.access.errors import OutgoingFailedError, OutgoingRefusedError
from observability.access.forms import SecretField
from observability.access.outgoing import check_url


def webhook_url(integration: Integration) -> str:
    """Return the address to post to; whoever knows it can write to the channel."""
    return str(integration.secrets.get("webhook_url", ""))


class SlackForm(IntegrationForm):
    """Edits the webhook's address."""

    kind = "slack"
    secret_fields = ("webhook_url",)

    webhook_url = SecretField(
        label="Webhook URL",
        help_text="In Slack: Apps, Incoming Webhooks, Add to Slack. It looks like "
        "https://hooks.slack.com/services/… and is stored encrypted.",
    )

    class Meta(IntegrationForm.Meta):
        pass

    def clean_webhook_url(self) -> str:
        """Return the address when it is one; the error never repeats it."""
        url: str = self.cleaned_data["webhook_url"]
        try:
            check_url(url)
        except OutgoingRefusedError as error:
            raise ValidationError(
                f"Must be an address that begins with https://: {error}.", code="invalid"
            ) from error
        except OutgoingFailedError:
            # The name cannot be looked up right now; a delivery tries again, and says so.
            pass
        return url
