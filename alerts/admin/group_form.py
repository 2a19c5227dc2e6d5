"""The form of a rule group."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from alerts.admin.durations import RuleDurationField
from alerts.admin.rows import Column, PairsField, RowsWidget
from alerts.models import RuleGroup
from alerts.rules.definition import check_labels
from alerts.rules.errors import InvalidRuleError


class GroupForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """Checks a group; its durations are texts such as `15s`."""

    interval_ms = RuleDurationField(
        label="Interval",
        initial=15_000,
        least_ms=1_000,
        most_ms=86_400_000,
        help_text="The time from one evaluation to the next, such as 15s or 1m.",
    )
    limit = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2_147_483_647,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How many alerts or series one rule may have; more are an error. 0: any number.",
    )
    query_offset_ms = RuleDurationField(
        required=False,
        label="Query offset",
        when_empty_ms=None,
        widget=UnfoldAdminTextInputWidget({"placeholder": "0s"}),
        help_text="How far back expressions are evaluated, such as 1m, for metrics that arrive late.",
    )
    labels = PairsField(
        required=False,
        widget=RowsWidget(
            [
                Column(name="name", label="Label", placeholder="team"),
                Column(name="value", label="Value", placeholder="storage"),
            ],
            add_label="Add a label",
        ),
        help_text="Given to the alerts and series of all its rules, whose own labels win.",
    )

    class Meta:
        model = RuleGroup
        fields = ("name", "owner", "interval_ms", "limit", "query_offset_ms", "labels", "enabled")

    def clean_name(self) -> str:
        """Return a name that no other group of the same file has."""
        name: str = self.cleaned_data["name"]
        same = RuleGroup.objects.filter(file=self.instance.file, name=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("There is a group of this name already.", code="duplicate")
        return name

    def clean_limit(self) -> int:
        """Return no limit where none is given."""
        return self.cleaned_data["limit"] or 0

    def clean_labels(self) -> dict[str, str]:
        """Return labels that a rule could have; a severity goes to rules that have none."""
        labels: dict[str, str] = self.cleaned_data["labels"]
        try:
            check_labels(labels, has_severity=False)
        except InvalidRuleError as error:
            messages = [f"{p.field.removeprefix('labels.')}: {p.message}" for p in error.problems]
            raise forms.ValidationError(messages, code="invalid") from error
        return labels
