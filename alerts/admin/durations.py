"""A form field for durations such as `5m`."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts.rules.definition import read_duration_ms
from alerts.rules.errors import InvalidRuleError
from observability.promql.durations import format_duration


class RuleDurationField(forms.CharField):
    """A duration of a rule or a group, as milliseconds inside.

    Args:
        when_empty_ms: What no text stands for.
        least_ms: The shortest that is accepted.
        most_ms: The longest that is accepted; None for as long as a duration can be.
    """

    widget = UnfoldAdminTextInputWidget

    def __init__(
        self,
        *args: Any,
        when_empty_ms: int | None = 0,
        least_ms: int = 0,
        most_ms: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._when_empty_ms = when_empty_ms
        self._least_ms = least_ms
        self._most_ms = most_ms

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show."""
        return format_duration(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        """Return milliseconds."""
        text = super().clean(value)
        if not text:
            return self._when_empty_ms
        try:
            duration_ms = read_duration_ms("duration", text)
        except InvalidRuleError as error:
            raise forms.ValidationError(error.problems[0].message, code="invalid") from error
        if duration_ms < self._least_ms:
            message = f"expected at least {format_duration(self._least_ms)}"
            raise forms.ValidationError(message, code="too_short")
        if self._most_ms is not None and duration_ms > self._most_ms:
            message = f"expected at most {format_duration(self._most_ms)}"
            raise forms.ValidationError(message, code="too_long")
        return duration_ms

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial), data)
