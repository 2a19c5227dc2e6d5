"""The form of a rule group."""

from __future__ import annotations

from django import forms

from alerts.admin.durations import RuleDurationField
from alerts.models import RuleGroup


class GroupForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """Checks a group; its durations are texts such as `15s`."""

    interval_ms = RuleDurationField(
        label="Interval",
        initial=15_000,
        help_text="The time from one evaluation to the next, such as 15s or 1m.",
    )

    class Meta:
        model = RuleGroup
        fields = ("name", "owner", "interval_ms", "enabled")
