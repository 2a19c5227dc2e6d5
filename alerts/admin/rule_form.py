"""The form of a rule: the simple form, or PromQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms

from alerts.admin.rule_fields import PROMQL, SIMPLE, RuleFields
from alerts.models import Otherwise, Rule, RuleGroup, RuleKind
from alerts.rules.definition import (
    Expression,
    check_annotations,
    check_labels,
    check_recorded_labels,
    check_recorded_name,
    expression_of_form,
    expression_of_promql,
)
from alerts.rules.errors import InvalidRuleError
from alerts.rules.preview import Draft
from observability.promql.go_floats import plain

OWN_ANNOTATIONS = ("summary", "description", "runbook_url", "dashboard_url")
"""The annotations that have a field of their own."""

_LINKS = {"runbook_url", "dashboard_url"}

SIMPLE_FIELDS = (
    "metric",
    "filters",
    "over_time",
    "window_length",
    "aggregation",
    "by",
    "operator",
    "threshold",
    "resolve_threshold",
)
"""What only a rule of the simple form is asked."""

ALERTING_FIELDS = (
    "severity",
    "made_in",
    *SIMPLE_FIELDS,
    "resolve_expr",
    "hold_ms",
    "keep_firing_ms",
    "on_no_data",
    "on_error",
    *OWN_ANNOTATIONS,
    "annotations",
)
"""What only an alerting rule is asked."""

_Value = TypeVar("_Value")
_FIELDS_OF_PLACES = {"function": "over_time", "window": "window_length"}


class RuleForm(RuleFields):
    """Checks a rule with the same functions as the API."""

    class Meta:
        model = Rule
        fields = (
            "name",
            "group",
            "position",
            "enabled",
            "kind",
            "severity",
            "expr",
            "resolve_expr",
            "on_no_data",
            "on_error",
            "hold_ms",
            "keep_firing_ms",
            "labels",
            "annotations",
        )
        help_texts = {
            "name": "The label alertname of its alerts, or the metric that a recording rule writes."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expression: Expression | None = None
        self._texts: dict[str, dict[str, str]] = {"labels": {}, "annotations": {}}
        if self.instance.pk:
            self._show(self.instance)
        elif "group" in self.fields:
            self.initial.setdefault("group", RuleGroup.objects.default())

    def clean_kind(self) -> str:
        """Return what the rule is; one that is saved stays it."""
        if self.instance.pk:
            return str(self.instance.kind)
        return self.cleaned_data["kind"] or str(RuleKind.ALERTING)

    def clean_group(self) -> RuleGroup:
        """Return a group to which rules can be added by hand."""
        group: RuleGroup = self.cleaned_data["group"]
        if group.is_provisioned:
            message = f"Only its file, {group.file}, says what is in this group."
            raise forms.ValidationError(message, code="provisioned")
        return group

    def clean(self) -> dict[str, Any]:
        """Check what the fields mean together, and fill in the expression."""
        super().clean()
        values = self.cleaned_data
        if values.get("kind") == RuleKind.RECORDING:
            self._clean_recording(values)
        else:
            self._clean_alerting(values)
        if self._expression is not None:
            values["expr"], values["resolve_expr"] = (
                self._expression.expr,
                self._expression.resolve_expr,
            )
            self.instance.form = self._expression.form
        return values

    def draft(self) -> Draft | None:
        """Return the rule as it stands, to be tried; None while its expression is wrong.

        Templates are in it whether or not they can be saved.
        """
        if self._expression is None:
            return None
        values = self.cleaned_data
        group = values.get("group") or RuleGroup()
        rule = Rule(
            group=group,
            name=values.get("name") or "",
            severity=values.get("severity") or "",
            labels=self._texts["labels"],
        )
        is_recording = values.get("kind") == RuleKind.RECORDING
        return Draft(
            is_recording=is_recording,
            name=rule.name,
            expr=self._expression.expr,
            resolve_expr=self._expression.resolve_expr,
            labels={**group.labels, **rule.labels} if is_recording else rule.alert_labels(),
            annotations=self._texts["annotations"],
            hold_ms=values.get("hold_ms") or 0,
            query_offset_ms=group.query_offset_ms or 0,
        )

    def _clean_recording(self, values: dict[str, Any]) -> None:
        self._forget(ALERTING_FIELDS)
        values |= {
            "severity": "",
            "hold_ms": 0,
            "keep_firing_ms": 0,
            "annotations": {},
            "on_no_data": Otherwise.KEEP,
            "on_error": Otherwise.KEEP,
        }
        self._texts["labels"] = values.get("labels", {})
        if "name" in values:
            self._try(check_recorded_name, values["name"])
        self._try(check_recorded_labels, self._texts["labels"])
        self._expression = self._try(expression_of_promql, values.get("expr", ""))

    def _clean_alerting(self, values: dict[str, Any]) -> None:
        is_simple = values.get("made_in") == SIMPLE
        self._forget(("resolve_expr",) if is_simple else SIMPLE_FIELDS)
        for field in ("on_no_data", "on_error"):
            values[field] = values.get(field) or getattr(self.instance, field)
        own = {name: values.get(name, "").strip() for name in OWN_ANNOTATIONS}
        values["annotations"] = {
            **{name: text for name, text in own.items() if text},
            **values.get("annotations", {}),
        }
        self._texts = {
            "labels": values.get("labels", {}),
            "annotations": values["annotations"],
        }
        self._try(check_annotations, values["annotations"])
        self._check_links(own)
        has_severity = bool(values.get("severity"))
        self._try(lambda labels: check_labels(labels, has_severity=has_severity), self._texts["labels"])  # fmt: skip
        self._expression = self._simple(values) if is_simple else self._promql(values)

    def _check_links(self, own: dict[str, str]) -> None:
        """Refuse addresses that pages and messages would not show as links; templates may become any."""
        for field in _LINKS & set(self.changed_data):
            text = own[field]
            if text and "{{" not in text and not text.startswith(("https://", "http://")):
                self.add_error(field, "expected an address that begins with https:// or http://")

    def _promql(self, values: dict[str, Any]) -> Expression | None:
        return self._try(
            expression_of_promql, values.get("expr", ""), values.get("resolve_expr", "")
        )

    def _simple(self, values: dict[str, Any]) -> Expression | None:
        if "threshold" in self.errors or "resolve_threshold" in self.errors:
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
            "resolve_threshold": values.get("resolve_threshold"),
        }
        if form["threshold"] is None:
            self.add_error("threshold", "Give the value to compare with.")
            self._try(expression_of_form, {**form, "threshold": 0.0, "resolve_threshold": None})
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

    def _forget(self, fields: tuple[str, ...]) -> None:
        """Drop what is wrong with fields that the page does not show."""
        for field in fields:
            self.errors.pop(field, None)

    def _show(self, rule: Rule) -> None:
        self.initial["made_in"] = PROMQL if rule.form is None else SIMPLE
        self.fields["kind"].disabled = True
        self.fields["kind"].help_text = "A rule stays what it was made."
        if rule.form is not None:
            self.initial.update(rule.form)
            for place, field in _FIELDS_OF_PLACES.items():
                self.initial[field] = rule.form[place]
            self.initial["by"] = ", ".join(rule.form["by"])
            for field in ("threshold", "resolve_threshold"):
                number = rule.form.get(field)
                self.initial[field] = None if number is None else plain(number)
            # The compiled one is shown by itself.
            self.initial["resolve_expr"] = ""
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
