"""The form in which people make and change API keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from observability.access.key_labels import format_labels, parse_labels
from observability.access.models import ApiKey
from observability.access.scopes import Scope


class LabelsField(forms.CharField):
    """Labels, one `name=value` a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Return what the person reads and edits."""
        return format_labels(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        """Return the labels; raises `ValidationError` naming the line that is none."""
        return value if isinstance(value, dict) else parse_labels(str(value or ""))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say whether the text differs from the labels as they were shown."""
        return super().has_changed(self.prepare_value(initial or {}), data)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs only
    """Name, scopes, labels and last day of a key; the key itself is made elsewhere."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value} ({scope.label})") for scope in Scope],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do. Writing does not include reading.",
    )
    labels = LabelsField(
        required=False,
        help_text="Added to everything that the key writes, one a line, such as system=earntrack.",
    )

    class Meta:
        model = ApiKey
        fields: ClassVar[list[str]] = [
            "name",
            "scopes",
            "labels",
            "new_series_per_minute",
            "expires_at",
        ]
