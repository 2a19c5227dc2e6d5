"""The fields of a rule's form."""

from __future__ import annotations

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
from alerts.models import Otherwise, RuleKind, Severity
from alerts.rules.condition import Comparison, Fold, WindowFunction
from observability.promql.matchers import MatchOp

SIMPLE = "simple"
PROMQL = "promql"

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


class RuleFields(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """What a form of a rule asks; `RuleForm` says what the answers mean.

    unfold makes a JavaScript variable of each field: none can be called `function` or `window`.
    """

    kind = forms.ChoiceField(
        required=False,
        label="Kind",
        choices=[
            (str(RuleKind.ALERTING), "Alerting: raises alerts"),
            (str(RuleKind.RECORDING), "Recording: writes what it finds as a metric"),
        ],
        initial=str(RuleKind.ALERTING),
        widget=UnfoldAdminRadioSelectWidget,
    )
    severity = forms.ChoiceField(
        required=False,
        choices=[*Severity.choices, ("", "none, or as the labels say")],
        initial=str(Severity.WARNING),
        widget=UnfoldAdminSelectWidget,
    )

    made_in = forms.ChoiceField(
        label="Made in",
        choices=[(SIMPLE, "Simple form"), (PROMQL, "PromQL")],
        initial=SIMPLE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    metric = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(
            {
                "list": "metric-names",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "node_load1",
            }
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
                Column(name="value", label="Value", datalist="label-values", placeholder="value"),
            ],
            add_label="Add a filter",
        ),
        help_text="=~ and !~ take a regular expression that must match the whole value.",
    )
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
    resolve_threshold = forms.FloatField(
        required=False,
        label="Resolve threshold",
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
        help_text="What the value must come back to before a firing alert is resolved, such as 80 for a threshold of 90. Empty: the threshold.",
    )
    expr = forms.CharField(
        required=False,
        label="PromQL",
        widget=UnfoldAdminTextareaWidget({"rows": 3, "spellcheck": "false", "class": "font-mono"}),
        help_text="Each series of the result is an alert, so a comparison usually comes last. A recording rule writes each as it is.",
    )
    resolve_expr = forms.CharField(
        required=False,
        label="Resolve when",
        widget=UnfoldAdminTextareaWidget({"rows": 2, "spellcheck": "false", "class": "font-mono"}),
        help_text="PromQL: a firing alert is resolved only by a series of this with the same labels. Empty: as soon as the expression above gives it no more.",
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
        help_text="One line of what is wrong: a template, in which {{ $value }}, {{ $labels.name }} and more are filled in.",
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
    dashboard_url = forms.CharField(
        required=False,
        label="Dashboard",
        widget=UnfoldAdminTextInputWidget({"placeholder": "https://"}),
        help_text="The address of the page that shows what goes on.",
    )
    on_no_data = forms.ChoiceField(
        required=False,
        label="On no data",
        choices=[
            (str(Otherwise.KEEP), "keep alerts as they are"),
            (str(Otherwise.FIRE), "fire"),
            (str(Otherwise.RESOLVE), "resolve alerts, as Prometheus does"),
        ],
        initial=str(Otherwise.KEEP),
        widget=UnfoldAdminSelectWidget,
        help_text="What becomes of its alerts when the series that it watches are gone.",
    )
    on_error = forms.ChoiceField(
        required=False,
        label="On error",
        choices=[
            (str(Otherwise.KEEP), "keep alerts as they are"),
            (str(Otherwise.FIRE), "fire"),
            (str(Otherwise.RESOLVE), "resolve alerts"),
        ],
        initial=str(Otherwise.KEEP),
        widget=UnfoldAdminSelectWidget,
        help_text="What becomes of its alerts when the expression cannot be evaluated.",
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
        help_text="Given to each alert or recorded series beside its own; those of an alert are templates.",
    )
