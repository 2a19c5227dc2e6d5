"""The part of the integration forms that all kinds share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from unfold.widgets import UnfoldBooleanSwitchWidget

from alerts.models import Integration

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Integration]
else:  # Django's own class takes no type argument
    _ModelForm = forms.ModelForm


class IntegrationForm(_ModelForm):
    """Edits an integration; a kind adds its fields and says where each is kept.

    Attributes:
        kind: The registry key of the kind.
        config_fields: Fields that are kept in `config`.
        secret_fields: Fields that are kept encrypted in `secrets`; each is a
            `observability.access.forms.SecretField`.
    """

    kind: ClassVar[str]
    config_fields: ClassVar[tuple[str, ...]] = ()
    secret_fields: ClassVar[tuple[str, ...]] = ()

    class Meta:
        model = Integration
        fields = ("send_resolved", "enabled")
        widgets: ClassVar[dict[str, type[forms.Widget]]] = {
            "send_resolved": UnfoldBooleanSwitchWidget,
            "enabled": UnfoldBooleanSwitchWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show what is stored, apart from secrets."""
        super().__init__(*args, **kwargs)
        for name in self.config_fields:
            if name in self.instance.config:
                self.initial[name] = self.instance.config[name]
        for name in self.secret_fields:
            # Never rendered: it lets a field left blank keep what is stored.
            self.initial[name] = self.instance.secrets.get(name, "")

    def save(self, commit: bool = True) -> Integration:
        """Store the fields where the kind keeps them."""
        self.instance.kind = self.kind
        self.instance.config = {name: self.cleaned_data[name] for name in self.config_fields}
        self.instance.secrets = {name: self.cleaned_data[name] for name in self.secret_fields}
        integration: Integration = super().save(commit)
        return integration
