"""Form fields for secrets, which are taken in but never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.forms.renderers import BaseRenderer
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget

KEEP = "set; leave blank to keep it"


@dataclass(frozen=True, slots=True)
class SecretInput:
    """What came in: a new text, or the wish to have the secret removed."""

    text: str
    clear: bool

    def __repr__(self) -> str:
        return "SecretInput(...)"


class SecretWidget(UnfoldAdminPasswordWidget):  # type: ignore[misc] # unfold has no types
    """A password input that says whether a secret is set, and offers to remove an optional one."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the input shows; of `value` only whether there is one."""
        context: dict[str, Any] = super().get_context(name, None, attrs)
        context["widget"]["attrs"]["autocomplete"] = "new-password"
        if value:
            context["widget"]["attrs"]["placeholder"] = KEEP
        return context

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        """Return the input, and a box to remove a secret that is set and not required."""
        html: SafeString = super().render(name, value, attrs, renderer)
        if not value or self.is_required:
            return html
        return format_html(
            '{}<label class="flex gap-2 items-center mt-2">'
            '<input type="checkbox" name="{}" value="1"> Remove the stored value</label>',
            html,
            f"{name}-clear",
        )

    def value_from_datadict(
        self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str
    ) -> SecretInput:
        """Return what the person typed or ticked."""
        text = data.get(name) or ""
        clear = not self.is_required and bool(data.get(f"{name}-clear"))
        return SecretInput(text=str(text).strip(), clear=clear)

    def value_omitted_from_data(
        self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str
    ) -> bool:
        """Say whether the form was sent without this input."""
        return name not in data and f"{name}-clear" not in data

    def use_required_attribute(self, initial: Any) -> bool:
        """Let the browser insist on a value only while none is set."""
        return not initial and bool(super().use_required_attribute(initial))


class SecretField(forms.Field):
    """A secret text. `initial` is the present one; blank keeps it, an optional one can be removed.

    Its cleaned value is the text to store: new, kept, or '' when removed.
    """

    widget = SecretWidget

    def __init__(self, *, max_length: int = 4096, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length

    def _clean_bound_field(self, bound: BoundField) -> str:
        # Django's own hook for fields that need their initial value to be cleaned (FileField).
        given: SecretInput = bound.data
        present = bound.initial or ""
        if given.clear:
            present = ""
        return str(self.clean(given.text or present))

    def validate(self, value: str) -> None:
        """Check length and presence; errors never repeat the value."""
        super().validate(value)
        if len(value) > self.max_length:
            raise ValidationError(f"At most {self.max_length} characters.", code="max_length")

    def bound_data(self, data: SecretInput, initial: Any) -> Any:
        """Return the stored value, so that a form with errors shows whether one is set."""
        return initial

    def has_changed(self, initial: Any, data: SecretInput | None) -> bool:
        """Say whether a new secret was typed or the present one removed."""
        return data is not None and bool(data.text or (data.clear and initial))
