"""The keys by which the series of OTLP metrics are known to the intake.

A key is 32 bytes, however long the attributes are: a digest of what the metric and the resource
give the series, then one of the data point's attributes as they were sent. So a histogram with
many buckets does not carry its attributes once for each, and what stays in memory is small.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from observability.metrics.ingest.otlp.attributes import labels_of
from observability.metrics.ingest.otlp.resource import TARGET_INFO, Resource
from observability.metrics.ingest.protobuf import fields
from observability.metrics.naming import MAX_LABEL_VALUE_BYTES
from observability.promql.labels import METRIC_NAME

_HALF = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the series of a metric have in common, apart from the attributes.

    Attributes:
        name: The metric's name as Prometheus has it, with `_bucket` and the like.
        resource: Gives `job` and `instance`.
        label: The label that divides it: `le`, `quantile` or ''.
        value: That label's value.
    """

    name: str
    resource: Resource
    label: str = ""
    value: str = ""


class SeriesKeys:
    """Makes the keys of one body, and knows the labels behind them for as long as it is there."""

    def __init__(self) -> None:
        self._families: dict[bytes, Family] = {}
        self._attributes: dict[bytes, bytes] = {}
        self._labels: dict[bytes, dict[str, str]] = {}

    def of_family(self, family: Family) -> bytes:
        """Return the first half of the keys of a family's series."""
        resource = family.resource
        parts = (family.name, family.label, family.value, resource.job, resource.instance)
        # 0xff is in no UTF-8 text.
        half = _digest(b"\xff".join(part.encode() for part in parts))
        self._families[half] = family
        return half

    def of_attributes(self, encoded: bytes) -> bytes:
        """Return the second half; `encoded` is a message that holds attributes and nothing else."""
        half = _digest(encoded)
        self._attributes[half] = encoded
        return half

    def labels(self, key: bytes) -> dict[str, str]:
        """Return the labels of a series, the metric's name among them.

        Raises:
            UnacceptableSeriesError: An attribute cannot be a label.
        """
        family, attributes = self._families[key[:_HALF]], key[_HALF:]
        if attributes not in self._labels:
            self._labels[attributes] = labels_of(
                KeyValue.FromString(content)
                for _, _, content in fields(self._attributes[attributes])
                if isinstance(content, bytes)
            )
        labels = self._labels[attributes]
        if family.name == TARGET_INFO:
            # A command line or the like must not cost the resource all its other attributes.
            labels = {name: _cut(value) for name, value in labels.items()}
        resource = family.resource
        known = {"job": resource.job, "instance": resource.instance, family.label: family.value}
        return labels | {n: v for n, v in known.items() if v} | {METRIC_NAME: family.name}


def _digest(content: bytes) -> bytes:
    # `digest_size` would take as long again as the hash itself.
    return hashlib.blake2b(content).digest()[:_HALF]


def _cut(value: str) -> str:
    return value.encode()[:MAX_LABEL_VALUE_BYTES].decode(errors="ignore")
