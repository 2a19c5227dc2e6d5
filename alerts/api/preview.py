"""`/api/alert-rules/preview`: what a rule would do now, before it is saved."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.rule_serializers import RuleInput
from alerts.api.serializers import LabelsField
from alerts.models import Rule, RuleGroup
from alerts.rules.preview import Draft, preview_rule
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.json_numbers import json_number


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string"}]})
class ValueField(serializers.Field[float, Any, float | str, Any]):
    """A sample's value: a number, or NaN, +Inf, -Inf as text."""

    def to_representation(self, value: float) -> float | str:
        """Return what JSON can carry."""
        return json_number(value)


class PreviewInput(RuleInput):
    """A rule as it would be made; its name can still be missing."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the rule; it is called `preview` as long as it has no name."""
        if not attrs.get("record"):
            attrs.setdefault("name", "preview")
        return super().validate(attrs)


class FoundOutput(serializers.Serializer[Any]):
    """An alert that would fire, or a series that would be recorded."""

    labels = LabelsField(source="label_values")
    value = ValueField()
    annotations = LabelsField()


class PreviewOutput(serializers.Serializer[Any]):
    """What a rule would do now; `results` holds the first of `count`."""

    expr = serializers.CharField()
    resolve_expr = serializers.CharField(allow_blank=True)
    error = serializers.CharField(
        allow_blank=True, help_text="Why it could not be evaluated; empty when it could."
    )
    unknown_metrics = serializers.ListField(
        child=serializers.CharField(), help_text="Metrics of which nothing is stored."
    )
    count = serializers.IntegerField(help_text="How many alerts would fire, or series be recorded.")
    watched = serializers.IntegerField(
        allow_null=True, help_text="How many series it judges, if that can be told."
    )
    notes = serializers.ListField(child=serializers.CharField())
    results = FoundOutput(many=True)


class PreviewView(APIView):
    """The trial of a rule."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="preview_alert_rule",
        tags=["alert rules"],
        request=PreviewInput,
        responses=PreviewOutput,
    )
    def post(self, request: Request) -> Response:
        """Evaluate a rule as of now, as if its condition had held for long; nothing is saved."""
        given = PreviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        draft = _draft(given)
        preview = preview_rule(
            draft,
            backend=get_backend(),
            at_ms=int(time.time() * 1000),
            external_url=settings.EXTERNAL_URL,
        )
        found = [
            {"label_values": dict(one.labels), "value": one.value, "annotations": one.annotations}
            for one in preview.found
        ]
        answer = {
            "expr": draft.expr,
            "resolve_expr": draft.resolve_expr,
            "error": preview.problem,
            "unknown_metrics": preview.unknown_metrics,
            "count": preview.found_count,
            "watched": preview.watched_count,
            "notes": preview.notes,
            "results": found,
        }
        return Response(PreviewOutput(answer).data)


def _draft(given: PreviewInput) -> Draft:
    values = given.validated_data
    group = RuleGroup.objects.filter(
        **(
            {"pk": values["group_id"]}
            if "group_id" in values
            else {"file": "", "name": values["group"]}
        )
    ).first()
    rule = given.apply(Rule(), group or RuleGroup())
    return Draft(
        is_recording=rule.is_recording,
        name=rule.name,
        expr=rule.expr,
        resolve_expr=rule.resolve_expr,
        labels=({**rule.group.labels, **rule.labels} if rule.is_recording else rule.alert_labels()),
        annotations=rule.annotations,
        hold_ms=rule.hold_ms,
        query_offset_ms=rule.group.query_offset_ms or 0,
    )
