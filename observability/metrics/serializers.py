from typing import Any

from rest_framework import serializers

from observability.metrics.samples import MetricType


class SampleSerializer(serializers.Serializer[Any]):
    """Describes one sample; the hot path decodes with msgspec (ingest/json_samples.py)."""

    name = serializers.CharField()
    value = serializers.FloatField(help_text="A number, or NaN, +Inf, -Inf as text.")
    labels = serializers.DictField(child=serializers.CharField(), required=False)
    timestamp = serializers.CharField(
        required=False, help_text="Unix seconds or ISO 8601; missing means now."
    )
    type = serializers.ChoiceField(choices=[t.value for t in MetricType], required=False)


class AcceptedSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()


class SeriesSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    type = serializers.ChoiceField(choices=[t.value for t in MetricType])
    samples = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="[[unix seconds, value], ...], oldest first.",
    )


class SeriesPageSerializer(serializers.Serializer[Any]):
    results = SeriesSerializer(many=True)
    next = serializers.URLField(allow_null=True)
