"""A form field for durations such as `5m`."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts.rules.definition import read_duration_ms
from alerts.rules.errors import InvalidRuleError
from observability.promql.durations import format_duration


class RuleDurationField(forms.CharField):
    """A duration of a rule, as milliseconds inside; empty is no time."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show."""
        return format_duration(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int:
        """Return milliseconds."""
        try:
            return read_duration_ms("duration", super().clean(value))
        except InvalidRuleError as error:
            raise forms.ValidationError(error.problems[0].message, code="invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial), data)
