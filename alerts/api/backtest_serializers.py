"""What `/api/backtests` takes and gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from alerts.api.rule_serializers import RuleInput
from alerts.api.serializers import LabelsField
from alerts.models import Backtest, BacktestStatus, Rule, RuleGroup
from alerts.rules.backtesting.definitions import Definition, definition_of
from alerts.rules.backtesting.runs import LONGEST

SAVED_RULE = OpenApiExample(
    "A saved rule over a week", value={"rule": 12, "days": 7}, request_only=True
)
NEW_RULE = OpenApiExample(
    "A rule that is not saved, over a day of its own",
    value={
        "definition": {
            "name": "High CPU usage",
            "metric": "cpu_usage",
            "operator": ">",
            "threshold": 90.0,
            "duration": "5m",
        },
        "start": "2026-03-01T00:00:00Z",
        "end": "2026-03-02T00:00:00Z",
    },
    request_only=True,
)


@extend_schema_field(RuleInput)
class DefinitionField(serializers.Field[Any, Any, Any, Any]):
    """A rule that is not saved; inside, the checked values."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Check it as a rule of its own is checked."""
        given = RuleInput(data=data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


@extend_schema_serializer(examples=[SAVED_RULE, NEW_RULE])
class BacktestInput(serializers.Serializer[Backtest]):
    """What to test, and over which time: `rule` or `definition`, `days` or `start` (and `end`)."""

    rule = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The id of a saved rule."
    )
    definition = DefinitionField(
        required=False, help_text="A rule as /api/alert-rules takes it; it is not saved."
    )
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LONGEST.days,
        help_text="The past so many days.",
    )
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False, help_text="Now when it is left out.")

    def validate_rule(self, rule_id: int) -> int:
        """Refuse a rule that is not there."""
        if not Rule.objects.filter(pk=rule_id).exists():
            raise serializers.ValidationError(f"there is no rule {rule_id}")
        return rule_id

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what says one thing twice, or not at all."""
        if ("rule" in attrs) == ("definition" in attrs):
            raise serializers.ValidationError({"rule": ["give either rule or definition"]})
        if ("days" in attrs) == ("start" in attrs):
            raise serializers.ValidationError({"days": ["give either days or start"]})
        if "days" in attrs and "end" in attrs:
            raise serializers.ValidationError({"end": ["days end now; give start with end"]})
        return attrs

    def rule_definition(self) -> Definition:
        """Return the rule to test."""
        values = self.validated_data
        if "rule" in values:
            return definition_of(Rule.objects.select_related("group").get(pk=values["rule"]))
        given = dict(values["definition"])
        name, group_id = given.pop("group", None), given.pop("group_id", None)
        found = RuleGroup.objects.filter(pk=group_id) if group_id else RuleGroup.objects.filter(name=name, file="")  # fmt: skip
        return definition_of(Rule(group=found.first() or RuleGroup(name=name), **given))

    def times(self) -> tuple[datetime, datetime]:
        """Return begin and end."""
        values, now = self.validated_data, timezone.now()
        if "days" in values:
            return now - timedelta(days=values["days"]), now
        return values["start"], values.get("end", now)


class FailureOutput(serializers.Serializer[Any]):
    """The first evaluation that failed."""

    at = serializers.DateTimeField()
    message = serializers.CharField()


class TotalsOutput(serializers.Serializer[Any]):
    """The numbers of a backtest."""

    fired = serializers.IntegerField(help_text="How often an alert fired.")
    pending_only = serializers.IntegerField(help_text="How often one was pending and did not fire.")
    still_firing = serializers.IntegerField(help_text="How many fired at the end.")
    alerts = serializers.IntegerField(help_text="How many different alerts fired.")
    at_once = serializers.IntegerField(help_text="The most that fired at once.")
    flapping = serializers.IntegerField(
        help_text="How many different alerts fired 4 times within an hour."
    )
    firing_seconds = serializers.FloatField(help_text="How long alerts fired, added up.")
    any_firing_seconds = serializers.FloatField(help_text="How long at least one did.")
    share = serializers.FloatField(help_text="The same as a part of the time, from 0 to 1.")
    longest_seconds = serializers.FloatField(allow_null=True)
    median_seconds = serializers.FloatField(allow_null=True)
    longest_pending_seconds = serializers.FloatField(
        allow_null=True, help_text="Of those that did not fire."
    )
    per_day = serializers.FloatField(help_text="How often a day an alert fired.")


class NearestMissOutput(serializers.Serializer[Any]):
    """What came nearest to the threshold, where nothing was ever active."""

    value = serializers.FloatField()
    operator = serializers.CharField()
    threshold = serializers.FloatField()
    labels = LabelsField()
    at = serializers.DateTimeField()


@extend_schema_serializer(component_name="BacktestEpisodeOutput")
class EpisodeOutput(serializers.Serializer[Any]):
    """One time that an alert was active."""

    labels = LabelsField()
    pending_from = serializers.DateTimeField()
    fired_at = serializers.DateTimeField(allow_null=True, help_text="Null: it did not fire.")
    over_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was resolved; null: it was active at the end."
    )
    peak = serializers.FloatField(allow_null=True, help_text="The worst value, if there was one.")


class ResultOutput(serializers.Serializer[Any]):
    """What a backtest has found."""

    covered_until = serializers.DateTimeField(help_text="Earlier than the end if it was stopped.")
    step_seconds = serializers.FloatField(help_text="From one evaluation to the next.")
    interval_seconds = serializers.FloatField(help_text="The same as the rule's group has it.")
    evaluations = serializers.IntegerField()
    failures = serializers.IntegerField()
    first_failure = FailureOutput(allow_null=True)
    notices = serializers.ListField(child=serializers.CharField())
    totals = TotalsOutput()
    nearest_miss = NearestMissOutput(allow_null=True)
    episodes = EpisodeOutput(many=True, help_text="The longest, by the time of their begin.")


class BacktestSummary(serializers.ModelSerializer[Backtest]):
    """How far a backtest is."""

    name = serializers.CharField(source="definition.name")
    expr = serializers.CharField(source="definition.expr")
    status = serializers.ChoiceField(choices=BacktestStatus.choices)
    start = serializers.DateTimeField(source="start_at")
    end = serializers.DateTimeField(source="end_at")

    class Meta:
        model = Backtest
        fields = ["id", "rule", "name", "expr", "start", "end", "status", "progress", "error", "created_at"]  # fmt: skip


class BacktestOutput(BacktestSummary):
    """A backtest with its result, which is null until there is one."""

    result = serializers.SerializerMethodField()

    class Meta(BacktestSummary.Meta):
        fields = [*BacktestSummary.Meta.fields, "result"]

    @extend_schema_field(ResultOutput(allow_null=True))
    def get_result(self, backtest: Backtest) -> ResultOutput | None:
        """Return the result with times and durations as the API writes them."""
        if backtest.result is None:
            return None
        return ResultOutput(_result(backtest.result)).data  # type: ignore[return-value] # what the schema shows


def _result(stored: dict[str, Any]) -> dict[str, Any]:
    failure, miss, sets = stored["first_failure"], stored["nearest_miss"], stored["label_sets"]
    return {
        **{name: stored[name] for name in ("evaluations", "failures", "notices")},
        "covered_until": _moment(stored["covered_ms"]),
        "step_seconds": stored["step_ms"] / 1000,
        "interval_seconds": stored["interval_ms"] / 1000,
        "first_failure": failure and {"at": _moment(failure["at_ms"]), "message": failure["message"]},
        "totals": {
            name.replace("_ms", "_seconds"): value / 1000 if name.endswith("_ms") and value is not None else value
            for name, value in stored["totals"].items()
        },
        "nearest_miss": miss and {**miss, "at": _moment(miss["at_ms"])},
        "episodes": [
            {
                "labels": sets[one["label_set"]]["labels"],
                "pending_from": _moment(one["active_ms"]),
                "fired_at": _moment(one["fired_ms"]),
                "over_at": _moment(one["over_ms"]),
                "peak": one["peak"],
            }
            for one in stored["episodes"]
        ],
    }  # fmt: skip


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
