"""The forms of backtests: which rule and which time, and what to change for the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from alerts.admin.durations import RuleDurationField
from alerts.models import Backtest
from alerts.rules.backtesting.definitions import Adjustment, definition_of, threshold_in
from alerts.rules.backtesting.errors import BacktestError
from alerts.rules.backtesting.runs import check
from observability.promql.go_floats import plain

RANGE = "range"
DAYS = {"1": "the past day", "7": "the past 7 days", "30": "the past 30 days"}
# What the browser's own field for a time sends and takes.
_LOCAL_TIME = "%Y-%m-%dT%H:%M"


class LocalTimeField(forms.DateTimeField):
    """A time in the portal's time zone."""

    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    input_formats = (_LOCAL_TIME, "%Y-%m-%dT%H:%M:%S")

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show."""
        if isinstance(value, datetime):
            return timezone.localtime(value).strftime(_LOCAL_TIME)
        return value


class TimesForm(forms.Form):
    """The time that a backtest looks at, as `start_at` and `end_at` when it is clean."""

    days = forms.ChoiceField(
        label="Over",
        choices=[*DAYS.items(), (RANGE, "a range of time")],
        initial="7",
        widget=UnfoldAdminSelectWidget,
    )
    from_at = LocalTimeField(required=False, label="From")
    to_at = LocalTimeField(
        required=False, label="To", help_text="At most 31 days later. Empty: until now."
    )

    def clean(self) -> dict[str, Any]:
        """Work out begin and end."""
        values = super().clean() or {}
        now = timezone.now()
        values["end_at"] = now
        if values.get("days") != RANGE:
            values["start_at"] = now - timedelta(days=int(values.get("days") or 7))
        elif values.get("from_at") is None:
            if "from_at" not in self.errors:
                self.add_error("from_at", "Say from when.")
        else:
            values["start_at"] = values["from_at"]
            values["end_at"] = values.get("to_at") or now
        return values

    def place(self, error: BacktestError) -> None:
        """Put an error at the field that it belongs to."""
        field = "from_at" if error.field == "start" else error.field
        self.add_error(field if field in self.fields else None, error.message)


class BacktestForm(TimesForm, forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """Asks for a backtest of a saved rule."""

    class Meta:
        model = Backtest
        fields = ("rule",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "rule" in self.fields:
            self.fields["rule"].required = True

    def clean(self) -> dict[str, Any]:
        """Check that the rule can be evaluated over this time."""
        values = super().clean()
        if not self.errors:
            try:
                check(definition_of(values["rule"]), values["start_at"], values["end_at"])
            except BacktestError as error:
                self.place(error)
        return values


class AgainForm(TimesForm):
    """Asks for a backtest of the same rule with other numbers."""

    hold_ms = RuleDurationField(required=False, label="For")
    keep_firing_ms = RuleDurationField(required=False, label="Keep firing for")
    threshold = forms.FloatField(
        required=False, widget=UnfoldAdminDecimalFieldWidget({"step": "any"})
    )

    field_order = ("threshold", "hold_ms", "keep_firing_ms", "days", "from_at", "to_at")

    def __init__(self, backtest: Backtest, data: Any = None) -> None:
        definition = backtest.definition
        threshold = threshold_in(definition)
        super().__init__(
            data,
            initial={
                "hold_ms": definition["hold_ms"],
                "keep_firing_ms": definition["keep_firing_ms"],
                "threshold": None if threshold is None else plain(threshold.value),
                "days": _days(backtest),
                "from_at": backtest.start_at,
                "to_at": backtest.end_at,
            },
        )
        if threshold is None:
            del self.fields["threshold"]

    def adjustment(self) -> Adjustment:
        """Return what is to change."""
        values = self.cleaned_data
        return Adjustment(
            hold_ms=values["hold_ms"],
            keep_firing_ms=values["keep_firing_ms"],
            threshold=values.get("threshold"),
        )


def _days(backtest: Backtest) -> str:
    """Return the choice that gives the range of a backtest, as of the time when it was asked for."""
    length = backtest.end_at - backtest.start_at
    is_recent = abs(backtest.created_at - backtest.end_at) < timedelta(minutes=1)
    days = str(length.days)
    if is_recent and days in DAYS and length == timedelta(days=length.days):
        return days
    return RANGE
