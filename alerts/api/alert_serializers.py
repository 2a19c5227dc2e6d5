"""What `/api/alerts` takes and gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.acknowledging import (
    MAX_EXPIRY,
    MAX_NOTE_LENGTH,
    MAX_OWNER_LENGTH,
    Acknowledgement,
)
from alerts.api.serializers import (
    DurationField,
    KnownFieldsSerializer,
    LabelsField,
    TextField,
    without_place,
)
from alerts.commenting import MAX_COMMENT_LENGTH
from alerts.label_filters import parse_matchers
from alerts.listing import ALL, AlertQuery
from alerts.manual import Report
from alerts.models import Alert, AlertEvent, AlertEventKind, AlertState, Severity
from alerts.rules.definition import check_labels
from observability.promql.errors import PromQLError
from observability.promql.matchers import Matcher

_EPISODES_SHOWN = 20
_EVENTS_SHOWN = 200


class AlertInput(KnownFieldsSerializer[Any]):
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


class MatchersField(serializers.ListField):
    """Matchers such as `instance=~"web.*"`; given several times, all of them must hold."""

    child = TextField(max_length=4_000)

    def to_internal_value(self, data: Any) -> list[Matcher]:
        """Return the matchers that the texts hold."""
        try:
            return [
                matcher
                for text in super().to_internal_value(data)
                for matcher in parse_matchers(text)
            ]
        except PromQLError as error:
            raise serializers.ValidationError(str(error)) from error


class AlertFilters(serializers.Serializer[None]):
    """Which alerts a list holds."""

    state = serializers.ChoiceField(choices=AlertState.choices, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    rule = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The id of a rule."
    )
    group = TextField(max_length=200, required=False, help_text="The name of a rule group.")
    acknowledged = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those that are, or are not."
    )
    fingerprint = serializers.RegexField(
        "^[0-9a-f]{16}$", required=False, help_text="The episodes of one alert."
    )
    filter = MatchersField(
        required=False, help_text='A matcher on labels, such as `instance=~"web.*"`; any number.'
    )

    def query(self) -> AlertQuery:
        """Return what is asked for, besides the fingerprint."""
        asked = self.validated_data
        severity = asked.get("severity")
        return AlertQuery(
            state=asked.get("state", ALL),
            severities=(severity,) if severity else (),
            matchers=tuple(asked.get("filter", ())),
            rule_id=asked.get("rule"),
            group=asked.get("group", ""),
            is_acknowledged=asked["acknowledged"],
        )


class AcknowledgeInput(KnownFieldsSerializer[Any]):
    """That somebody is on it, and for how long that holds."""

    owner = TextField(
        max_length=MAX_OWNER_LENGTH,
        required=False,
        help_text="Who sees to it; whoever asks unless given.",
    )
    note = TextField(max_length=MAX_NOTE_LENGTH, allow_blank=True, default="")
    expires_in = DurationField(
        required=False,
        allow_null=True,
        default=None,
        help_text="After how long it ends, such as 4h; null: with the alert.",
    )

    def validate_expires_in(self, length_ms: int | None) -> int | None:
        """Refuse what ends at once, or after anybody has forgotten it."""
        if length_ms is None:
            return None
        if not 0 < length_ms <= MAX_EXPIRY.total_seconds() * 1000:
            raise serializers.ValidationError(
                f"expected a duration of more than nothing and at most {MAX_EXPIRY.days}d"
            )
        return length_ms

    def acknowledgement(self, *, by: str) -> Acknowledgement:
        """Return the checked values."""
        values = self.validated_data
        length_ms = values["expires_in"]
        return Acknowledgement(
            owner=values.get("owner") or by,
            note=values["note"],
            expires_in=None if length_ms is None else timedelta(milliseconds=length_ms),
        )


class CommentInput(serializers.Serializer[Any]):
    """What somebody says about an alert."""

    text = TextField(max_length=MAX_COMMENT_LENGTH)


class CommentOutput(serializers.ModelSerializer[AlertEvent]):
    """A comment; `by` is a user's name, or `key` and that of an API key."""

    class Meta:
        model = AlertEvent
        fields = ["id", "at", "by", "text"]


class EventOutput(serializers.ModelSerializer[AlertEvent]):
    """Something that happened to an alert besides its states."""

    kind = serializers.ChoiceField(choices=AlertEventKind.choices)

    class Meta:
        model = AlertEvent
        fields = ["id", "kind", "at", "by", "text"]


class AcknowledgementOutput(serializers.Serializer[Alert]):
    """Who is on it."""

    owner = serializers.CharField(source="ack_owner")
    note = serializers.CharField(source="ack_note")
    at = serializers.DateTimeField(source="acknowledged_at")
    expires_at = serializers.DateTimeField(source="ack_expires_at", allow_null=True)


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

    acknowledgement = serializers.SerializerMethodField()

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
            "keep_firing_since",
            "no_data_since",
            "acknowledgement",
        ]

    @extend_schema_field(AcknowledgementOutput(allow_null=True))
    def get_acknowledgement(self, alert: Alert) -> dict[str, Any] | None:
        """Return who is on it; None when nobody is."""
        return dict(AcknowledgementOutput(alert).data) if alert.is_acknowledged else None


class EpisodeOutput(serializers.ModelSerializer[Alert]):
    """An earlier episode of the same alert."""

    value = serializers.ReadOnlyField(source="json_value")

    class Meta:
        model = Alert
        fields = ["id", "state", "value", "active_at", "fired_at", "resolved_at"]


class AlertDetailOutput(AlertOutput):
    """An alert with what happened to it."""

    events = serializers.SerializerMethodField(
        help_text=f"Oldest first; the newest {_EVENTS_SHOWN} of them."
    )
    earlier = serializers.SerializerMethodField(
        help_text=f"The last {_EPISODES_SHOWN} episodes before it, newest first; `fingerprint` lists all."
    )

    class Meta(AlertOutput.Meta):
        fields = [*AlertOutput.Meta.fields, "events", "earlier"]

    @extend_schema_field(EventOutput(many=True))
    def get_events(self, alert: Alert) -> list[Any]:
        """Return its events."""
        newest = AlertEvent.objects.filter(alert=alert).order_by("-at", "-pk")[:_EVENTS_SHOWN]
        return list(EventOutput(list(reversed(newest)), many=True).data)

    @extend_schema_field(EpisodeOutput(many=True))
    def get_earlier(self, alert: Alert) -> list[Any]:
        """Return its earlier episodes."""
        episodes = Alert.objects.filter(
            fingerprint=alert.fingerprint, active_at__lt=alert.active_at
        ).order_by("-active_at", "-pk")
        return list(EpisodeOutput(episodes[:_EPISODES_SHOWN], many=True).data)
