"""What `/api/rule-groups` takes and gives."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from alerts.api.rule_serializers import RuleOutput, checked_part
from alerts.api.serializers import DurationField, KnownFieldsSerializer, LabelsField, TextField
from alerts.models import RuleGroup
from alerts.rules.definition import check_labels


class IntervalField(DurationField):
    """How often a group is evaluated."""

    def to_internal_value(self, data: Any) -> int:
        """Return milliseconds from a second to a day."""
        interval_ms = super().to_internal_value(data)
        if not 1_000 <= interval_ms <= 86_400_000:
            raise serializers.ValidationError("expected a duration from 1s to 1d")
        return interval_ms


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A group",
            value={
                "name": "web",
                "owner": "web team",
                "interval": "30s",
                "limit": 100,
                "query_offset": "1m",
                "labels": {"team": "web"},
            },
            request_only=True,
        )
    ]
)
class GroupInput(KnownFieldsSerializer[RuleGroup]):
    """A rule group; its rules are made by `/api/alert-rules`."""

    name = TextField(max_length=200)
    owner = TextField(max_length=200, default="", allow_blank=True, help_text="A person or a team.")
    interval = IntervalField(
        source="interval_ms", default=15_000, help_text="From one evaluation to the next; 15s."
    )
    limit = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=2**31 - 1,
        help_text="How many alerts or series one rule may have; 0: any number.",
    )
    query_offset = DurationField(
        source="query_offset_ms",
        default=None,
        allow_null=True,
        help_text="How far back expressions are evaluated, for metrics that arrive late.",
    )
    labels = LabelsField(default=dict, help_text="Given to the results of all its rules.")
    enabled = serializers.BooleanField(default=True)

    def shown_fields(self) -> Iterable[str]:
        """Return the fields of a group as it is shown."""
        return GroupWithRulesOutput.Meta.fields

    def validate_name(self, name: str) -> str:
        """Refuse a name that another group of the same file has."""
        file = self.instance.file if self.instance else ""
        same = RuleGroup.objects.filter(file=file, name=name).first()
        if same is not None and same != self.instance:
            raise serializers.ValidationError("there is a group of this name already")
        return name

    def validate_labels(self, labels: dict[str, str]) -> dict[str, str]:
        """Refuse what no rule could have."""
        return checked_part(partial(check_labels, has_severity=False), labels)

    def apply(self, group: RuleGroup) -> RuleGroup:
        """Put the checked values into a group, without saving it."""
        for field, value in self.validated_data.items():
            setattr(group, field, value)
        return group


class GroupOutput(serializers.ModelSerializer[RuleGroup]):
    """A rule group, and how its last evaluation went."""

    interval = DurationField(source="interval_ms")
    query_offset = DurationField(source="query_offset_ms", allow_null=True)
    labels = LabelsField()
    rule_count = serializers.IntegerField(source="rule_total")

    class Meta:
        model = RuleGroup
        fields = [
            "id",
            "name",
            "file",
            "is_provisioned",
            "owner",
            "interval",
            "limit",
            "query_offset",
            "labels",
            "enabled",
            "rule_count",
            "evaluated_at",
            "duration_ms",
            "missed_iterations",
        ]


class GroupWithRulesOutput(GroupOutput):
    """A rule group with its rules in the order of their evaluation."""

    rules = RuleOutput(many=True, source="shown_rules")

    class Meta(GroupOutput.Meta):
        fields = [*GroupOutput.Meta.fields, "rules"]


class OrderInput(serializers.Serializer[None]):
    """The rules of a group by id, in the order in which they are to be evaluated."""

    rules = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False
    )

    def __init__(self, *args: Any, group: RuleGroup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._group = group

    def validate_rules(self, rule_ids: list[int]) -> list[int]:
        """Refuse another set of rules than the group's."""
        own = set(self._group.rules.values_list("pk", flat=True))
        if len(set(rule_ids)) < len(rule_ids):
            raise serializers.ValidationError("a rule is named twice")
        if strangers := sorted(set(rule_ids) - own):
            raise serializers.ValidationError(f"not in this group: {_some(strangers)}")
        if missing := sorted(own - set(rule_ids)):
            raise serializers.ValidationError(f"name all rules of the group: {_some(missing)}")
        return rule_ids


def _some(ids: list[int]) -> str:
    return ", ".join(map(str, ids[:10])) + (", …" if len(ids) > 10 else "")
