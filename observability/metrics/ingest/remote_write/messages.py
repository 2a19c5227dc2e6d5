"""The rarer parts of a remote-write 1.0 body: labels of new series, statements about metrics."""

from __future__ import annotations

from django.conf import settings

from observability.metrics.errors import MalformedBodyError
from observability.metrics.ingest.protobuf import Wire, field, fields
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.metrics.naming import metric_name_fault
from observability.metrics.samples import Metadata, MetricType

# What help texts are cut to; a sender repeats all of them every minute.
MAX_HELP_LENGTH = 1024
MAX_UNIT_LENGTH = 64

# In the order of the message's enumeration. The rarer types are what Prometheus's text format makes of them.
_TYPES = (
    MetricType.UNKNOWN,
    MetricType.COUNTER,
    MetricType.GAUGE,
    MetricType.HISTOGRAM,
    MetricType.HISTOGRAM,  # gauge histogram
    MetricType.SUMMARY,
    MetricType.GAUGE,  # info
    MetricType.GAUGE,  # state set
)


def decode_labels(encoded: bytes) -> dict[str, str]:
    """Return the labels of a series.

    Args:
        encoded: The `labels` fields of a TimeSeries, one after the other.

    Raises:
        MalformedBodyError: It is not protobuf.
        UnacceptableSeriesError: They are not UTF-8, far too many, or one is there twice.
    """
    labels: dict[str, str] = {}
    most: int = settings.MAX_LABELS_PER_SERIES
    for _, _, label in fields(encoded):
        parts = _texts(label)
        try:
            name, value = parts.get(1, b"").decode(), parts.get(2, b"").decode()
        except UnicodeDecodeError as error:
            raise UnacceptableSeriesError("a label is not valid UTF-8") from error
        if name in labels:
            raise UnacceptableSeriesError(f"the label {name[:100]!r} is there twice")
        labels[name] = value
        # Labels without a value are none, but a hostile body has millions of them.
        if len(labels) > 10 * most:
            raise UnacceptableSeriesError(
                f"a series has at most {most} labels (MAX_LABELS_PER_SERIES)"
            )
    return labels


def decode_metadata(body: bytes) -> dict[str, Metadata]:
    """Return what a body says about metrics, by metric name; statements that cannot be kept are left out.

    Raises:
        MalformedBodyError: It is not protobuf.
    """
    metadata: dict[str, Metadata] = {}
    for number, _, message in fields(body):
        if number != 3:
            continue
        parts = _texts(message)
        kind = next((c for n, w, c in fields(_bytes(message)) if (n, w) == (1, Wire.VARINT)), 0)
        name, help_text, unit = (parts.get(n, b"").decode(errors="replace") for n in (2, 4, 5))
        if metric_name_fault(name):
            continue
        metadata[name] = Metadata(
            type=_TYPES[kind] if isinstance(kind, int) and kind < len(_TYPES) else _TYPES[0],
            help=help_text[:MAX_HELP_LENGTH].replace("\x00", ""),
            unit=unit[:MAX_UNIT_LENGTH].replace("\x00", ""),
        )
    return metadata


def gather_labels(body: bytes) -> bytes:
    """Return the same message with the labels of each series one after the other.

    Raises:
        MalformedBodyError: It is not protobuf.
    """
    series = (_bytes(message) for number, _, message in fields(body) if number == 1)
    return b"".join(
        field(
            1,
            b"".join(
                field(number, _bytes(content))
                # Sorted by number, stably: labels, then samples, in the order they had.
                for number, wire, content in sorted(fields(message), key=lambda part: part[0])
                if wire is Wire.LENGTH
            ),
        )
        for message in series
    )


def _texts(message: bytes | int) -> dict[int, bytes]:
    """Return the fields of a message that hold bytes; of equal numbers the last wins."""
    return {
        number: _bytes(content)
        for number, wire, content in fields(_bytes(message))
        if wire is Wire.LENGTH
    }


def _bytes(content: bytes | int) -> bytes:
    """Return the content of a field that must hold bytes."""
    if isinstance(content, int):
        raise MalformedBodyError("the body is not a protobuf message of remote write 1.0")
    return content
