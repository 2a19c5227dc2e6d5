from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from alerts.models import Rule, RuleGroup, RuleHealth, Severity
from alerts.models.rules import DEFAULT_GROUP_NAME
from alerts.rules.condition import Comparison, Fold, WindowFunction
from alerts.rules.definition import (
    Expression,
    check_annotations,
    check_labels,
    expression_of_form,
    expression_of_promql,
    read_duration_ms,
)
from alerts.rules.errors import InvalidRuleError
from observability.promql.durations import format_duration
from observability.promql.matchers import MatchOp

_FORM_FIELDS = (
    "metric",
    "filters",
    "function",
    "window",
    "aggregation",
    "by",
    "operator",
    "threshold",
)
_Value = TypeVar("_Value")


def _checked(check: Callable[..., _Value], *args: Any) -> _Value:
    """Return what `check` returns, its problems turned into the API's errors."""
    try:
        return check(*args)
    except InvalidRuleError as error:
        raise serializers.ValidationError(
            {problem.field: [problem.message] for problem in error.problems}
        ) from error


class TextField(serializers.CharField):
    """A text; a number is refused, or `1e999` would become the name `inf`."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LabelsField(serializers.DictField):
    child = TextField(allow_blank=True, trim_whitespace=False, max_length=10_000)


@extend_schema_field(OpenApiTypes.STR)
class DurationField(serializers.Field[int, Any, str, Any]):
    """A duration such as `5m`, as milliseconds inside."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str):
            raise serializers.ValidationError("expected a duration such as 30s, 5m or 1h30m")
        try:
            return read_duration_ms(str(self.field_name), data)
        except InvalidRuleError as error:
            raise serializers.ValidationError(error.problems[0].message) from error

    def to_representation(self, value: int) -> str:
        return format_duration(value)


class FilterSerializer(serializers.Serializer[Any]):
    label = TextField()  # type: ignore[assignment] # a field of this name on the wire
    operator = serializers.ChoiceField(choices=[str(op) for op in MatchOp], default="=")
    value = TextField(allow_blank=True, trim_whitespace=False)


class RuleInput(serializers.Serializer[Rule]):
    """A rule: `metric`, `operator` and `threshold` (the simple form), or `expr` in PromQL."""

    name = TextField(max_length=200)
    group = TextField(
        max_length=200,
        default=DEFAULT_GROUP_NAME,
        help_text="Made when there is none of this name.",
    )
    metric = TextField(required=False)
    filters = FilterSerializer(many=True, required=False)
    function = serializers.ChoiceField(
        choices=[str(f) for f in WindowFunction], required=False, allow_null=True
    )
    window = TextField(required=False, allow_null=True, max_length=40)
    aggregation = serializers.ChoiceField(
        choices=[str(f) for f in Fold], required=False, allow_null=True
    )
    by = serializers.ListField(child=TextField(), required=False)
    operator = serializers.ChoiceField(choices=[str(c) for c in Comparison], required=False)
    threshold = serializers.FloatField(required=False)
    expr = TextField(required=False, help_text="PromQL, instead of the simple form.")
    duration = DurationField(
        source="hold_ms", default=0, help_text="How long the condition must hold, such as 5m."
    )
    keep_firing_for = DurationField(source="keep_firing_ms", default=0)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARNING)
    labels = LabelsField(default=dict)
    annotations = LabelsField(default=dict)
    enabled = serializers.BooleanField(default=True)

    def validate_labels(self, labels: dict[str, str]) -> dict[str, str]:
        return without_place("labels.", check_labels, labels)

    def validate_annotations(self, annotations: dict[str, str]) -> dict[str, str]:
        return without_place("annotations.", check_annotations, annotations)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {name: attrs.pop(name) for name in _FORM_FIELDS if name in attrs}
        expr = attrs.pop("expr", None)
        if expr is not None and given:
            raise serializers.ValidationError(
                {"expr": [f"give either expr or {', '.join(given)}, not both"]}
            )
        if expression := self._expression(expr, given):
            attrs["expr"], attrs["form"] = expression.expr, expression.form
        return attrs

    def apply(self, rule: Rule) -> Rule:
        """Put the checked values into a rule, without saving it."""
        values = dict(self.validated_data)
        if name := values.pop("group", None):
            rule.group, _ = RuleGroup.objects.get_or_create(name=name)
        for field, value in values.items():
            setattr(rule, field, value)
        return rule

    def _expression(self, expr: str | None, given: Mapping[str, Any]) -> Expression | None:
        if expr is not None:
            return _checked(expression_of_promql, expr)
        if self.partial and not given:
            return None
        # A part of the simple form changes that part; the rest stays as it is.
        form = (self.instance.form or {}) if self.partial and self.instance else {}
        filters = given.get("filters")
        if filters is not None:
            given = {**given, "filters": [dict(one) for one in filters]}
        return _checked(expression_of_form, {**form, **given})


def without_place(
    place: str, check: Callable[[dict[str, str]], None], values: dict[str, str]
) -> dict[str, str]:
    """Check labels or annotations; the place is left to DRF, which knows the field already."""
    try:
        check(values)
    except InvalidRuleError as error:
        raise serializers.ValidationError(
            {
                problem.field.removeprefix(place)
                if problem.field.startswith(place)
                else api_settings.NON_FIELD_ERRORS_KEY: [problem.message]
                for problem in error.problems
            }
        ) from error
    return values


class RuleOutput(serializers.ModelSerializer[Rule]):
    """A rule with its state; `metric`, `operator` and `threshold` are null for one in PromQL."""

    group = serializers.CharField(source="group.name")
    metric = serializers.CharField(source="form.metric", allow_null=True)
    filters = FilterSerializer(source="form.filters", many=True, allow_null=True)
    function = serializers.CharField(source="form.function", allow_null=True)
    window = serializers.CharField(source="form.window", allow_null=True)
    aggregation = serializers.CharField(source="form.aggregation", allow_null=True)
    by = serializers.ListField(source="form.by", child=serializers.CharField(), allow_null=True)
    operator = serializers.CharField(source="form.operator", allow_null=True)
    threshold = serializers.FloatField(source="form.threshold", allow_null=True)
    duration = DurationField(source="hold_ms")
    keep_firing_for = DurationField(source="keep_firing_ms")
    labels = LabelsField()
    annotations = LabelsField()
    health = serializers.ChoiceField(choices=RuleHealth.choices)
    evaluated_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.FloatField(allow_null=True, help_text="Of the last evaluation.")
    pending = serializers.IntegerField(source="pending_count", help_text="Alerts that are pending.")
    firing = serializers.IntegerField(source="firing_count", help_text="Alerts that are firing.")

    class Meta:
        model = Rule
        fields = [
            "id",
            "name",
            "group",
            "expr",
            *_FORM_FIELDS,
            "duration",
            "keep_firing_for",
            "severity",
            "labels",
            "annotations",
            "enabled",
            "health",
            "last_error",
            "evaluated_at",
            "duration_ms",
            "pending",
            "firing",
            "created_at",
            "updated_at",
        ]


class EvaluationOutput(serializers.Serializer[Any]):
    """What an evaluation did with one rule."""

    id = serializers.IntegerField(source="rule.pk")
    name = serializers.CharField(source="rule.name")
    group = serializers.CharField(source="rule.group.name")
    evaluated_at = serializers.DateTimeField(source="at")
    duration_ms = serializers.FloatField()
    health = serializers.ChoiceField(source="rule.health", choices=RuleHealth.choices)
    error = serializers.CharField(allow_blank=True)
    pending = serializers.IntegerField(source="active.pending", help_text="Alerts pending now.")
    firing = serializers.IntegerField(source="active.firing", help_text="Alerts firing now.")
    became_pending = serializers.IntegerField(source="entered.pending", default=0)
    became_firing = serializers.IntegerField(source="entered.firing", default=0)
    resolved = serializers.IntegerField(source="entered.resolved", default=0)


class EvaluationsOutput(serializers.Serializer[Any]):
    results = EvaluationOutput(many=True)
