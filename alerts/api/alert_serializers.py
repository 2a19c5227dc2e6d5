"""What `/api/alerts` takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from alerts.api.serializers import LabelsField, TextField, without_place
from alerts.manual import Report
from alerts.models import Alert, AlertState, Severity
from alerts.rules.definition import check_labels


class AlertInput(serializers.Serializer[Any]):
    """An alert that somebody reports by hand; it stays until it is resolved."""

    name = TextField(max_length=200)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARNING)
    message = TextField(allow_blank=True, default="", max_length=10_000)
    labels = LabelsField(default=dict)

    def validate_labels(self, labels: dict[str, str]) -> dict[str, str]:
        """Refuse labels that no alert can have."""
        return without_place("labels.", check_labels, labels)

    def report(self) -> Report:
        """Return the checked values."""
        values = self.validated_data
        return Report(
            name=values["name"],
            severity=values["severity"],
            labels={name: value for name, value in values["labels"].items() if value},
            annotations={"summary": values["message"]} if values["message"] else {},
        )


class AlertOutput(serializers.ModelSerializer[Alert]):
    """An alert; `rule` is null for one that was reported by hand."""

    rule = serializers.IntegerField(source="rule_id", allow_null=True)
    message = serializers.CharField(source="annotations.summary", default="")
    labels = LabelsField()
    annotations = LabelsField()
    state = serializers.ChoiceField(choices=AlertState.choices)
    value = serializers.ReadOnlyField(
        source="json_value", help_text="A number, or NaN, +Inf, -Inf as text."
    )

    class Meta:
        model = Alert
        fields = [
            "id",
            "name",
            "rule",
            "source",
            "fingerprint",
            "severity",
            "state",
            "message",
            "labels",
            "annotations",
            "value",
            "active_at",
            "fired_at",
            "resolved_at",
        ]
