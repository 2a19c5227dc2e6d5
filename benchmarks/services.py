"""A fleet of services and what they expose: what the benchmark of queries asks about.

A target exposes a hundred series: counters of requests and errors by handler and code, buckets of
two histograms, CPU time by mode, gauges, and an info metric. Each target is scraped every 15 s at
a time of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import cramjam
import numpy as np
from numpy.typing import NDArray

from benchmarks.bodies import encode_labels
from observability.metrics.ingest.protobuf import field, varint

INTERVAL_MS = 15_000
SERIES_A_TARGET = 100
JOBS = ("api", "web", "worker", "search", "billing")
HANDLERS = ("/", "/cart", "/login", "/pay", "/search")
CODES = ("200", "404", "500")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
MODES = ("user", "system", "iowait", "idle")
GAUGES = 33

# So many samples of a series stand in a body when there is no hurry, and so many series.
ROUNDS_A_BODY = 40
_SERIES_A_BODY = 500
_RESTARTS_AN_HOUR = 0.02
# A sample as a field of its series: eight bytes of value, six of time until the year 2109.
_SAMPLE = field(2, b"\x09" + bytes(8) + b"\x10" + varint(1 << 41))


class Services:
    """So many targets with a hundred series each, and the values of their series as time goes on."""

    def __init__(self, targets: int) -> None:
        self._rng = np.random.default_rng(4)
        self.targets = targets
        counters = 2 * len(HANDLERS) * len(CODES) + len(MODES) * 4
        self._rates = self._rng.lognormal(3, 1.5, (targets, counters))
        self._counters = np.zeros((targets, counters))
        shares = np.diff(np.linspace(0, 1, len(BOUNDS) + 1) ** 0.3)
        self._bucket_rates = self._rng.lognormal(2.5, 1, (targets, 2))[:, :, None] * shares
        self._buckets = np.zeros(self._bucket_rates.shape)
        self._gauges = self._rng.uniform(10, 100, (targets, GAUGES))
        self._decimals = np.arange(GAUGES) % 4 + 1

    @staticmethod
    def labels(target: int) -> Iterator[dict[str, str]]:
        """Yield the labels of a target's series, in the order of `values`."""
        common = {
            "instance": f"host-{target:04d}:9100",
            "job": JOBS[target % len(JOBS)],
            "zone": f"eu-{target % 3}",
        }
        for metric, handler, code in product(
            ("http_requests_total", "http_errors_total"), HANDLERS, CODES
        ):
            yield {"__name__": metric, "handler": handler, "code": code} | common
        for cpu, mode in product(range(4), MODES):
            yield {"__name__": "node_cpu_seconds_total", "cpu": str(cpu), "mode": mode} | common
        for handler, bound in product(("/", "/search"), BOUNDS):
            yield {
                "__name__": "http_request_duration_seconds_bucket",
                "handler": handler,
                "le": bound,
            } | common
        for number in range(GAUGES):
            yield {"__name__": "queue_length", "queue": f"q-{number:02d}"} | common
        yield {"__name__": "service_info", "version": f"1.{target % 4}.0"} | common

    def values(self, count: int) -> NDArray[np.float64]:
        """Return the next so many values of every series: target x series x time."""
        rng = self._rng
        counters = self._counters[:, :, None] + np.cumsum(
            rng.poisson(self._rates[:, :, None], (*self._rates.shape, count)), 2
        )
        share = _RESTARTS_AN_HOUR * count * INTERVAL_MS / 3_600_000
        for target in np.flatnonzero(rng.random(self.targets) < share):
            at = int(rng.integers(0, count))
            counters[target, :, at:] -= counters[target, :, at : at + 1]
        self._counters = counters[:, :, -1]
        observed = rng.poisson(self._bucket_rates[..., None], (*self._bucket_rates.shape, count))
        buckets = self._buckets[..., None] + np.cumsum(np.cumsum(observed, 2), 3)
        self._buckets = buckets[..., -1]
        steps = rng.normal(0, 1, (*self._gauges.shape, count))
        gauges = self._gauges[..., None] + np.cumsum(steps, 2)
        self._gauges = gauges[..., -1]
        scale = 10.0 ** self._decimals[None, :, None]
        return np.concatenate(
            [
                counters,
                buckets.reshape(self.targets, -1, count),
                np.round(gauges * scale) / scale,
                np.ones((self.targets, 1, count)),
            ],
            1,
        )

    def bodies(
        self, *, start_ms: int, rounds: int, rounds_a_body: int = ROUNDS_A_BODY
    ) -> Iterator[bytes]:
        """Yield remote-write bodies with so many samples of every series, the oldest first."""
        targets_a_body = _SERIES_A_BODY // SERIES_A_TARGET
        parts = [
            range(first, min(first + targets_a_body, self.targets))
            for first in range(0, self.targets, targets_a_body)
        ]
        labels = [[one for target in part for one in self.labels(target)] for part in parts]
        phases = np.arange(self.targets) * 7_919 % INTERVAL_MS
        for first in range(0, rounds, rounds_a_body):
            count = min(rounds_a_body, rounds - first)
            values = self.values(count)
            times = start_ms + (first + np.arange(count)) * INTERVAL_MS
            for part, its_labels in zip(parts, labels, strict=True):
                chosen = slice(part.start, part.stop)
                yield _body(
                    its_labels,
                    np.repeat(phases[chosen, None] + times, SERIES_A_TARGET, axis=0),
                    values[chosen].reshape(-1, count),
                )


def _body(
    labels: Sequence[dict[str, str]], times: NDArray[np.int64], values: NDArray[np.float64]
) -> bytes:
    """Return a body of these series; times and values are series x samples."""
    count = times.shape[1]
    parts = [field(1, encode_labels(one) + _SAMPLE * count) for one in labels]
    ends = np.cumsum([len(part) for part in parts])[:, None]
    sample_ends = ends - np.arange(count)[::-1] * len(_SAMPLE)
    message = np.frombuffer(b"".join(parts), np.uint8).copy()
    message[sample_ends[:, :, None] - 15 + np.arange(8)] = (
        np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(*values.shape, 8)
    )
    digits = times[:, :, None] >> (7 * np.arange(6)) & 0x7F
    digits[:, :, :5] |= 0x80
    message[sample_ends[:, :, None] - 6 + np.arange(6)] = digits
    return bytes(cramjam.snappy.compress_raw(message.tobytes()))
