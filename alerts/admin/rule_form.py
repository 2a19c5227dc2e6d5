"""The form of a rule: the simple form, or PromQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alerts.admin.durations import RuleDurationField
from alerts.admin.rows import Column, PairsField, RowsField, RowsWidget
from alerts.models import Rule, RuleGroup
from alerts.rules.condition import Comparison, Fold, WindowFunction
from alerts.rules.definition import (
    Expression,
    check_annotations,
    check_labels,
    expression_of_form,
    expression_of_promql,
)
from alerts.rules.errors import InvalidRuleError
from observability.promql.go_floats import plain
from observability.promql.matchers import MatchOp

SIMPLE = "simple"
PROMQL = "promql"
_Value = TypeVar("_Value")
OWN_ANNOTATIONS = ("summary", "description", "runbook_url")
"""The annotations that have a field of their own."""

_COMPARISONS = {
    Comparison.GREATER: "is above (>)",
    Comparison.GREATER_OR_EQUAL: "is at or above (>=)",
    Comparison.LESS: "is below (<)",
    Comparison.LESS_OR_EQUAL: "is at or below (<=)",
    Comparison.EQUAL: "equals (==)",
    Comparison.NOT_EQUAL: "differs from (!=)",
}
_FUNCTIONS = {
    WindowFunction.RATE: "rate: growth of a counter a second",
    WindowFunction.INCREASE: "increase: growth of a counter",
    WindowFunction.AVG: "avg_over_time: average of the window",
    WindowFunction.MIN: "min_over_time: lowest of the window",
    WindowFunction.MAX: "max_over_time: highest of the window",
    WindowFunction.SUM: "sum_over_time: sum of the window",
    WindowFunction.COUNT: "count_over_time: samples in the window",
}
_FOLDS = {
    Fold.AVG: "avg: their average",
    Fold.MIN: "min: the lowest",
    Fold.MAX: "max: the highest",
    Fold.SUM: "sum: their sum",
    Fold.COUNT: "count: how many there are",
}
# unfold makes a JavaScript variable of each of these fields, so they cannot have their places' names.
_FIELDS_OF_PLACES = {"function": "over_time", "window": "window_length"}


class RuleForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """Checks a rule with the same functions as the API."""

    made_in = forms.ChoiceField(
        label="Made in",
        choices=[(SIMPLE, "Simple form"), (PROMQL, "PromQL")],
        initial=SIMPLE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    metric = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(
            {"list": "metric-names", "autocomplete": "off", "placeholder": "node_load1"}
        ),
        help_text="Type a part of its name to choose from the metrics that are recorded.",
    )
    filters = RowsField(
        required=False,
        label="Only series where",
        widget=RowsWidget(
            [
                Column(name="label", label="Label", datalist="label-names", placeholder="label"),
                Column(name="operator", label="Operator", choices=tuple(MatchOp)),
                Column(name="value", label="Value", placeholder="value"),
            ],
            add_label="Add a filter",
        ),
        help_text="=~ and !~ take a regular expression that must match the whole value.",
    )
    # Not `function`, which the page's script could not name.
    over_time = forms.ChoiceField(
        required=False,
        label="Take of each series",
        choices=[("", "its newest value"), *((str(k), v) for k, v in _FUNCTIONS.items())],
        widget=UnfoldAdminSelectWidget,
    )
    window_length = forms.CharField(
        required=False,
        label="Over the last",
        widget=UnfoldAdminTextInputWidget({"placeholder": "5m"}),
        help_text="The window of the function, such as 5m.",
    )
    aggregation = forms.ChoiceField(
        required=False,
        label="Combine series into",
        choices=[
            ("", "nothing: each series has an alert of its own"),
            *((str(k), v) for k, v in _FOLDS.items()),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    by = forms.CharField(
        required=False,
        label="One for each",
        widget=UnfoldAdminTextInputWidget({"placeholder": "instance, job"}),
        help_text="Labels that are kept apart, divided by commas. Empty: all become one.",
    )
    operator = forms.ChoiceField(
        required=False,
        label="Alert when it",
        choices=[(str(k), v) for k, v in _COMPARISONS.items()],
        widget=UnfoldAdminSelectWidget,
    )
    threshold = forms.FloatField(
        required=False,
        widget=UnfoldAdminDecimalFieldWidget({"step": "any", "placeholder": "90"}),
    )
    expr = forms.CharField(
        required=False,
        label="PromQL",
        widget=UnfoldAdminTextareaWidget({"rows": 3, "spellcheck": "false", "class": "font-mono"}),
        help_text="Each series of the result is an alert, so a comparison usually comes last.",
    )
    hold_ms = RuleDurationField(
        required=False,
        label="For",
        initial=300_000,
        help_text="How long this must go on before the alert fires, such as 30s, 5m or 1h. 0s: at once.",
    )
    keep_firing_ms = RuleDurationField(
        required=False,
        label="Keep firing for",
        initial=0,
        help_text="How long the alert goes on firing after it is over, so that it does not flap.",
    )
    summary = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "{{ $labels.instance }} is at {{ $value }}"}
        ),
        help_text="One line of what is wrong. {{ $value }} and {{ $labels.name }} are filled in.",
    )
    description = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="What it means and what to do first.",
    )
    runbook_url = forms.CharField(
        required=False,
        label="Runbook",
        widget=UnfoldAdminTextInputWidget({"placeholder": "https://"}),
        help_text="The address of the page that says what to do.",
    )
    annotations = PairsField(
        required=False,
        label="More annotations",
        widget=RowsWidget(
            [
                Column(name="name", label="Annotation", placeholder="name"),
                Column(name="value", label="Text", placeholder="text"),
            ],
            add_label="Add an annotation",
        ),
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
        help_text="Given to each alert beside those of its series; routing can tell them apart.",
    )

    class Meta:
        model = Rule
        fields = (
            "name",
            "group",
            "position",
            "enabled",
            "severity",
            "expr",
            "hold_ms",
            "keep_firing_ms",
            "labels",
            "annotations",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self._show(self.instance)
        elif "group" in self.fields:
            self.initial.setdefault("group", RuleGroup.objects.default())

    def clean(self) -> dict[str, Any]:
        """Check what the fields mean together, and fill in the expression."""
        super().clean()
        values = self.cleaned_data
        annotations = {name: values.get(name, "").strip() for name in OWN_ANNOTATIONS}
        values["annotations"] = {
            **{name: text for name, text in annotations.items() if text},
            **values.get("annotations", {}),
        }
        self._try(check_annotations, values["annotations"])
        self._try(check_labels, values.get("labels", {}))
        if expression := self.expression():
            values["expr"], self.instance.form = expression.expr, expression.form
        return values

    def expression(self) -> Expression | None:
        """Return the expression that the fields describe; None when they are wrong."""
        values = self.cleaned_data
        if values.get("made_in") == PROMQL:
            return self._try(expression_of_promql, values.get("expr", ""))
        if "threshold" in self.errors:
            return None
        form = {
            "metric": values.get("metric"),
            "filters": values.get("filters"),
            "function": values.get("over_time"),
            "window": values.get("window_length"),
            "aggregation": values.get("aggregation"),
            "by": values.get("by", "").replace(",", " ").split(),
            "operator": values.get("operator"),
            "threshold": values.get("threshold"),
        }
        if form["threshold"] is None:
            self.add_error("threshold", "Give the value to compare with.")
            form["threshold"] = 0.0
            self._try(expression_of_form, form)
            return None
        return self._try(expression_of_form, form)

    def _try(self, check: Callable[..., _Value], *args: Any) -> _Value | None:
        """Return what `check` returns, or put its problems at the fields they belong to."""
        try:
            return check(*args)
        except InvalidRuleError as error:
            for problem in error.problems:
                field, message = _place(problem.field, problem.message)
                self.add_error(field, message)
            return None

    def _show(self, rule: Rule) -> None:
        self.initial["made_in"] = PROMQL if rule.form is None else SIMPLE
        if rule.form is not None:
            self.initial.update(rule.form)
            for place, field in _FIELDS_OF_PLACES.items():
                self.initial[field] = rule.form[place]
            self.initial["by"] = ", ".join(rule.form["by"])
            self.initial["threshold"] = plain(rule.form["threshold"])
        self.initial.update({name: rule.annotations.get(name, "") for name in OWN_ANNOTATIONS})
        self.initial["annotations"] = {
            name: text for name, text in rule.annotations.items() if name not in OWN_ANNOTATIONS
        }


def _place(place: str, message: str) -> tuple[str, str]:
    """Return the form's field for a place such as `filters[0].value`, and what to say there."""
    if place in _FIELDS_OF_PLACES:
        return _FIELDS_OF_PLACES[place], message
    head, _, part = place.replace("[", ".", 1).replace("]", "", 1).partition(".")
    if head == "filters" and part:
        number, _, column = part.partition(".")
        return head, f"Row {int(number) + 1}, {column or 'all of it'}: {message}"
    if head == "annotations" and part in OWN_ANNOTATIONS:
        return part, message
    return head, f"{part}: {message}" if part and part not in message else message
