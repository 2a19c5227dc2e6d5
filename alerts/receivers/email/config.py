"""What an operator sets for e-mail: the recipients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from unfold.widgets import UnfoldAdminTextareaWidget

from alerts.receivers.forms import IntegrationForm

_MOST_RECIPIENTS = 50


@dataclass(frozen=True, slots=True)
class EmailConfig:
    """Who gets the e-mail, as bare addresses."""

    recipients: tuple[str, ...]

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> EmailConfig:
        """Return the configuration that the form has stored."""
        return cls(recipients=tuple(config.get("recipients", ())))


class RecipientsField(forms.CharField):
    """E-mail addresses divided by commas, semicolons or line breaks; cleaned to a list of bare ones."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Return one address a line."""
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        """Return the addresses, each once, or name those that are none."""
        text = super().clean(value)
        parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
        addresses = [parseaddr(part)[1] or part for part in parts]
        wrong = [
            part for part, address in zip(parts, addresses, strict=True) if not _is_valid(address)
        ]
        if wrong:
            raise ValidationError(f"Not an e-mail address: {', '.join(wrong)}", code="invalid")
        unique = list({address.lower(): address for address in addresses}.values())
        if len(unique) > _MOST_RECIPIENTS:
            raise ValidationError(
                f"At most {_MOST_RECIPIENTS} recipients; a mailing list serves more.", code="max"
            )
        return unique

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say whether the text differs from the stored addresses."""
        return super().has_changed(self.prepare_value(initial), data)


class EmailForm(IntegrationForm):
    """Edits who gets the e-mail."""

    kind = "email"
    config_fields = ("recipients",)

    recipients = RecipientsField(
        help_text="One e-mail address a line.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "oncall@example.com"}),
    )

    class Meta(IntegrationForm.Meta):
        pass


def _is_valid(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True
