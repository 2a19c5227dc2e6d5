"""What `/api/alert-rules` takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alerts.api.serializers import (
    DurationField,
    FilterSerializer,
    KnownFieldsSerializer,
    LabelsField,
    TextField,
    checked,
)
from alerts.models import Otherwise, Rule, RuleGroup, RuleHealth, RuleKind, Severity
from alerts.models.rules import DEFAULT_GROUP_NAME
from alerts.rules.condition import Comparison, Fold, WindowFunction
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

_FORM_FIELDS = (
    "metric",
    "filters",
    "function",
    "window",
    "aggregation",
    "by",
    "operator",
    "threshold",
    "resolve_threshold",
)
# Of these, null is a value: none is wished for. Of the others it is the same as leaving them out.
_NULLABLE = frozenset({"function", "window", "aggregation", "resolve_threshold"})
# What only alerts have, with what a recording rule has in their place.
_ALERTING_VALUES: dict[str, Any] = {
    "severity": "",
    "hold_ms": 0,
    "keep_firing_ms": 0,
    "annotations": {},
    "resolve_expr": "",
    "on_no_data": Otherwise.KEEP,
    "on_error": Otherwise.KEEP,
}
# What rule files of Prometheus call what has another name here.
_NAMES_IN_FILES = {"alert": "name", "for": "duration"}
_NAMES_ON_THE_WIRE = {"hold_ms": "duration", "keep_firing_ms": "keep_firing_for"}

SIMPLE_RULE = OpenApiExample(
    "A rule in the simple form",
    value={
        "name": "High CPU usage",
        "metric": "cpu_usage",
        "operator": ">",
        "threshold": 90.0,
        "resolve_threshold": 80.0,
        "duration": "5m",
        "severity": "warning",
        "labels": {"team": "infra"},
        "annotations": {"summary": "{{ $labels.host }} is at {{ $value | humanize }} %"},
    },
    request_only=True,
)
PROMQL_RULE = OpenApiExample(
    "A rule in PromQL",
    value={
        "name": "High error rate",
        "group": "web",
        "expr": 'sum by (job) (rate(http_requests_total{code=~"5.."}[5m]))'
        " / sum by (job) (rate(http_requests_total[5m])) > 0.05",
        "duration": "5m",
        "keep_firing_for": "10m",
        "severity": "critical",
        "on_no_data": "resolve",
        "annotations": {
            "summary": "{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} fail"
        },
    },
    request_only=True,
)
RECORDING_RULE = OpenApiExample(
    "A recording rule",
    value={
        "record": "job:http_requests:rate5m",
        "group": "web",
        "expr": "sum by (job) (rate(http_requests_total[5m]))",
        "labels": {"source": "portal"},
    },
    request_only=True,
)


@extend_schema_serializer(examples=[SIMPLE_RULE, PROMQL_RULE, RECORDING_RULE])
class RuleInput(KnownFieldsSerializer[Rule]):
    """An alerting rule: `metric`, `operator`, `threshold` (the simple form) or `expr` in PromQL.

    With `record` it is a recording rule, which writes what `expr` gives as a metric of that name.
    """

    name = TextField(
        max_length=200, required=False, help_text="Becomes the label alertname of its alerts."
    )
    record = TextField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="The metric that a recording rule writes, in place of a name.",
    )
    kind = serializers.ChoiceField(
        choices=RuleKind.choices, required=False, help_text="Follows from record."
    )
    group = TextField(
        max_length=200,
        default=DEFAULT_GROUP_NAME,
        help_text="A group that was made in the portal; made when there is none of this name.",
    )
    group_id = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Any group, in place of its name.",
    )
    metric = TextField(required=False, allow_null=True)
    filters = FilterSerializer(many=True, required=False, allow_null=True)
    function = serializers.ChoiceField(
        choices=[str(f) for f in WindowFunction], required=False, allow_null=True
    )
    window = TextField(required=False, allow_null=True, max_length=40)
    aggregation = serializers.ChoiceField(
        choices=[str(f) for f in Fold], required=False, allow_null=True
    )
    by = serializers.ListField(child=TextField(), required=False, allow_null=True)
    operator = serializers.ChoiceField(
        choices=[str(c) for c in Comparison], required=False, allow_null=True
    )
    threshold = serializers.FloatField(required=False, allow_null=True)
    resolve_threshold = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="What the value must come back to before a firing alert is resolved.",
    )
    expr = TextField(required=False, help_text="PromQL, instead of the simple form.")
    resolve_expr = TextField(
        required=False,
        allow_blank=True,
        help_text="PromQL: a firing alert is resolved only by a series of it with the same labels.",
    )
    duration = DurationField(
        source="hold_ms", default=0, help_text="How long the condition must hold, such as 5m."
    )
    keep_firing_for = DurationField(
        source="keep_firing_ms",
        default=0,
        help_text="How long an alert fires on after its condition has ended.",
    )
    on_no_data = serializers.ChoiceField(
        choices=Otherwise.choices,
        default=Otherwise.KEEP,
        help_text="What becomes of alerts whose series are gone.",
    )
    on_error = serializers.ChoiceField(
        choices=Otherwise.choices,
        default=Otherwise.KEEP,
        help_text="What becomes of alerts while the expression fails.",
    )
    severity = serializers.ChoiceField(
        choices=Severity.choices,
        default=Severity.WARNING,
        allow_blank=True,
        help_text="Blank: the labels say it, or nobody does.",
    )
    labels = LabelsField(default=dict, help_text="Given to its alerts or series; templates work.")
    annotations = LabelsField(default=dict, help_text="What people read; templates work.")
    enabled = serializers.BooleanField(default=True)

    def shown_fields(self) -> Iterable[str]:
        """Return the fields of a rule as it is shown."""
        return RuleOutput.Meta.fields

    def other_names(self) -> Mapping[str, str]:
        """Return what rule files call fields."""
        return _NAMES_IN_FILES

    def validate_annotations(self, annotations: dict[str, str]) -> dict[str, str]:
        """Refuse names that are none, and templates that do not parse."""
        return checked_part(check_annotations, annotations)

    def validate_group_id(self, group_id: int) -> int:
        """Refuse a group that is not there."""
        if not RuleGroup.objects.filter(pk=group_id).exists():
            raise serializers.ValidationError(f"there is no rule group {group_id}")
        return group_id

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what the fields mean together, and compile the simple form."""
        attrs["kind"], attrs["name"] = self._identity(attrs)
        given = {name: attrs.pop(name) for name in _FORM_FIELDS if name in attrs}
        expr, resolve_expr = attrs.pop("expr", None), attrs.pop("resolve_expr", None)
        if attrs["kind"] == RuleKind.RECORDING:
            self._check_recording(attrs, given, resolve_expr)
            self._check_recorded_name(attrs["name"])
            checked(check_recorded_labels, self._effective(attrs, "labels"))
            attrs |= _ALERTING_VALUES
            found = None if expr is None and self.partial else expression_of(expr or "")
        else:
            has_severity = bool(self._effective(attrs, "severity"))
            labels = self._effective(attrs, "labels")
            checked(partial(check_labels, has_severity=has_severity), labels)
            found = self._expression(expr, resolve_expr, given)
        if found:
            attrs["expr"], attrs["form"] = found.expr, found.form
            attrs["resolve_expr"] = found.resolve_expr
        return attrs

    def apply(self, rule: Rule, group: RuleGroup | None) -> Rule:
        """Put the checked values into a rule and it into a group, without saving it."""
        if group is not None:
            rule.group = group
        for field, value in self.validated_data.items():
            if field not in ("group", "group_id"):
                setattr(rule, field, value)
        return rule

    def _identity(self, attrs: dict[str, Any]) -> tuple[str, str]:
        """Return kind and name, which a recording rule has from `record`."""
        record, name, kind = attrs.pop("record", None), attrs.get("name"), attrs.get("kind")
        if record is not None:
            if name not in (None, record):
                _refuse("record", "a recording rule has this name alone; leave out name")
            if kind == RuleKind.ALERTING:
                _refuse("record", "an alerting rule records nothing")
            name, kind = record, str(RuleKind.RECORDING)
        rule = self.instance
        if rule is not None and kind not in (None, rule.kind):
            _refuse("kind", f"a rule stays {rule.kind}; make a new one instead")
        name = name or (rule.name if rule is not None and self.partial else "")
        if not name:
            _refuse("name", "This field is required.")
        return kind or (str(rule.kind) if rule is not None else str(RuleKind.ALERTING)), name

    def _check_recorded_name(self, name: str) -> None:
        try:
            check_recorded_name(name)
        except InvalidRuleError as error:
            _refuse(
                "record" if "record" in self.initial_data else "name", error.problems[0].message
            )

    def _check_recording(
        self, attrs: Mapping[str, Any], form: Mapping[str, Any], resolve_expr: str | None
    ) -> None:
        """Refuse what only alerts have; what says that there is none of it is let pass."""
        alerting = {**attrs, "resolve_expr": resolve_expr or ""}
        for field, none in _ALERTING_VALUES.items():
            name = _NAMES_ON_THE_WIRE.get(field, field)
            if name in self.initial_data and alerting.get(field, none) != none:
                _refuse(name, "a recording rule raises no alerts")
        for field, value in form.items():
            if value not in (None, []):
                _refuse(field, "a recording rule is made in PromQL: give expr")

    def _effective(self, attrs: Mapping[str, Any], field: str) -> Any:
        """Return what a field will be; of a change, what it is unless it is given."""
        return attrs[field] if field in attrs else getattr(self.instance, field)

    def _expression(
        self, expr: str | None, resolve_expr: str | None, given: dict[str, Any]
    ) -> Expression | None:
        rule = self.instance if self.partial else None
        has_form = rule is not None and rule.form is not None
        form = {
            name: value
            for name, value in given.items()
            if value is not None or (name in _NULLABLE and has_form)
        }
        if expr is not None:
            if not form or (expr.strip() and not any(form.values())):
                kept = rule.resolve_expr if rule is not None and not has_form else ""
                return expression_of(expr, kept if resolve_expr is None else resolve_expr)
            return self._same(expr, resolve_expr, form, rule)
        if form or rule is None:
            found = self._compiled(form, rule)
            return self._with_resolution(found, resolve_expr)
        if resolve_expr is None:
            return None
        if has_form:
            _refuse("resolve_expr", "in the simple form this is resolve_threshold")
        return expression_of(rule.expr, resolve_expr)

    def _same(
        self, expr: str, resolve_expr: str | None, form: dict[str, Any], rule: Rule | None
    ) -> Expression:
        """Return the simple form, beside which `expr` can only say the same: as a rule is shown."""
        found = self._compiled(form, rule)
        if found.expr != expr.strip():
            _refuse("expr", f"give either expr or {', '.join(form)}, not both")
        return self._with_resolution(found, resolve_expr)

    def _with_resolution(self, found: Expression, resolve_expr: str | None) -> Expression:
        if (resolve_expr or "").strip() not in ("", found.resolve_expr):
            _refuse("resolve_expr", "in the simple form this is resolve_threshold")
        return found

    def _compiled(self, form: dict[str, Any], rule: Rule | None) -> Expression:
        # A part of the simple form changes that part; the rest stays as it is.
        before = (rule.form or {}) if rule is not None else {}
        if "filters" in form:
            form = {**form, "filters": [dict(one) for one in form["filters"]]}
        return checked(expression_of_form, {**before, **form})


def expression_of(expr: str, resolve_expr: str = "") -> Expression:
    """Return the expression of a rule in PromQL, its problems turned into the API's errors."""
    return checked(expression_of_promql, expr, resolve_expr)


def checked_part(check: Any, values: dict[str, str]) -> dict[str, str]:
    """Check labels or annotations; the name of the field is left to DRF, which knows it already."""
    try:
        checked(check, values)
    except serializers.ValidationError as error:
        details: Any = error.detail
        raise serializers.ValidationError(
            {place.partition(".")[2] or "non_field_errors": said for place, said in details.items()}
        ) from error
    return values


def _refuse(field: str, message: str) -> None:
    raise serializers.ValidationError({field: [message]})


class RuleOutput(serializers.ModelSerializer[Rule]):
    """A rule with its state; `metric`, `operator` and `threshold` are null for one in PromQL."""

    record = serializers.SerializerMethodField(
        help_text="The metric that it writes; null for an alerting rule."
    )
    group = serializers.CharField(source="group.name")
    group_id = serializers.IntegerField()
    file = serializers.CharField(
        source="group.file", help_text="Where its group was imported from; empty for the portal."
    )
    is_provisioned = serializers.BooleanField(
        source="group.is_provisioned", help_text="Its file alone can change it."
    )
    metric = serializers.CharField(source="form.metric", allow_null=True)
    filters = FilterSerializer(source="form.filters", many=True, allow_null=True)
    function = serializers.CharField(source="form.function", allow_null=True)
    window = serializers.CharField(source="form.window", allow_null=True)
    aggregation = serializers.CharField(source="form.aggregation", allow_null=True)
    by = serializers.ListField(source="form.by", child=serializers.CharField(), allow_null=True)
    operator = serializers.CharField(source="form.operator", allow_null=True)
    threshold = serializers.FloatField(source="form.threshold", allow_null=True)
    resolve_threshold = serializers.FloatField(
        source="form.resolve_threshold", allow_null=True, default=None
    )
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
            "kind",
            "record",
            "group",
            "group_id",
            "file",
            "is_provisioned",
            "position",
            "expr",
            "resolve_expr",
            *_FORM_FIELDS,
            "duration",
            "keep_firing_for",
            "on_no_data",
            "on_error",
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

    def get_record(self, rule: Rule) -> str | None:
        """Return the name of a recording rule."""
        return rule.name if rule.is_recording else None


class EvaluationOutput(serializers.Serializer[Any]):
    """What an evaluation did with one rule."""

    id = serializers.IntegerField(source="rule.pk")
    name = serializers.CharField(source="rule.name")
    kind = serializers.ChoiceField(source="rule.kind", choices=RuleKind.choices)
    group = serializers.CharField(source="rule.group.name")
    evaluated_at = serializers.DateTimeField(source="at")
    duration_ms = serializers.FloatField()
    health = serializers.ChoiceField(source="rule.health", choices=RuleHealth.choices)
    error = serializers.CharField(allow_blank=True)
    pending = serializers.IntegerField(source="active.pending", default=0, help_text="Alerts pending now.")  # fmt: skip
    firing = serializers.IntegerField(source="active.firing", default=0, help_text="Alerts firing now.")  # fmt: skip
    became_pending = serializers.IntegerField(source="entered.pending", default=0)
    became_firing = serializers.IntegerField(source="entered.firing", default=0)
    resolved = serializers.IntegerField(source="entered.resolved", default=0)


class EvaluationsOutput(serializers.Serializer[Any]):
    """What an evaluation of all rules did."""

    results = EvaluationOutput(many=True)
