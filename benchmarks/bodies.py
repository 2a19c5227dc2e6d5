"""Remote-write bodies as a fleet of hosts would send them, encoded before anything is measured."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping

import cramjam

from observability.metrics.ingest.protobuf import field, varint

_GAUGES = (
    "node_memory_MemAvailable_bytes",
    "node_load1",
    "node_hwmon_temp_celsius",
    "queue_length",
)
_COUNTERS = ("node_cpu_seconds_total", "node_network_receive_bytes_total", "http_requests_total")
_BUCKETS = ("http_request_duration_seconds_bucket",)


def encode_labels(labels: Mapping[str, str]) -> bytes:
    """Return labels as remote write 1.0 has them in a `TimeSeries`."""
    return b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode()))
        for name, value in sorted(labels.items())
    )


class Fleet:
    """Series of hosts and their values: 40 % gauges, 40 % counters, 20 % histogram buckets.

    Args:
        series_count: How many series there are.
        interval_ms: The time between two samples of one series.
    """

    def __init__(self, *, series_count: int, interval_ms: int = 15_000) -> None:
        self._random = random.Random(7)  # noqa: S311 (nothing secret)
        self._interval_ms = interval_ms
        self._labels = [self._encode_labels(number) for number in range(series_count)]
        self._values = [float(self._random.randrange(1000)) for _ in range(series_count)]

    def rounds(
        self, *, start_ms: int, count: int, body_samples: int, connections: int
    ) -> list[list[list[bytes]]]:
        """Return bodies by connection and round; each series stays with one connection.

        Each body is one snappy-compressed message with one sample of `body_samples` series.
        """
        share = len(self._labels) // connections
        return [
            [
                list(self._round(start_ms + number * self._interval_ms, first, share, body_samples))
                for number in range(count)
            ]
            for first in range(0, share * connections, share)
        ]

    def _round(self, at_ms: int, first: int, share: int, body_samples: int) -> Iterator[bytes]:
        time_field = b"\x10" + varint(at_ms)
        for start in range(first, first + share, body_samples):
            places = range(start, min(start + body_samples, first + share))
            message = b"".join(self._series(place, time_field) for place in places)
            yield bytes(cramjam.snappy.compress_raw(message))

    def _series(self, place: int, time_field: bytes) -> bytes:
        value = self._values[place]
        step = self._random.random()
        value = round(value + step - 0.5, 2) if place % 5 < 2 else value + int(step * 20)
        self._values[place] = value
        sample = b"\x09" + struct.pack("<d", value) + time_field
        return field(1, self._labels[place] + field(2, sample))

    @staticmethod
    def _encode_labels(number: int) -> bytes:
        kind, host = number % 5, number // 50 % 1000
        names = _GAUGES if kind < 2 else _COUNTERS if kind < 4 else _BUCKETS
        labels = {
            "__name__": names[number % len(names)],
            "cluster": f"eu-west-{host % 3}",
            "env": "production",
            "instance": f"host-{host:04d}.example.com:9100",
            "job": "node" if kind < 4 else "web",
            "series": f"{number % 50:02d}",
            "shard": f"{number // 50_000}",
        }
        if kind == 4:
            labels["le"] = str(0.005 * 2 ** (number // 5 % 10))
        return encode_labels(labels)
