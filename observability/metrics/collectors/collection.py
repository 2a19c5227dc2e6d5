"""One run of a collector, turned into samples as a scrape would be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import structlog

from observability.metrics.collectors.families import Family
from observability.metrics.collectors.registry import Collector
from observability.metrics.samples import Metadata, MetricType, SampleBatch, batch_at
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.staleness import STALE_NAN

_ABOUT_THE_RUN = {
    "up": Metadata(type=MetricType.GAUGE, help="Whether the last collection succeeded."),
    "scrape_duration_seconds": Metadata(
        type=MetricType.GAUGE, help="Duration of the collection.", unit="seconds"
    ),
    "scrape_samples_scraped": Metadata(
        type=MetricType.GAUGE, help="Samples that the collection yielded."
    ),
}

log = structlog.get_logger(__name__)


class Collection:
    """A collector with the labels of its target, and what it yielded last."""

    def __init__(self, collector: Collector, *, instance: str) -> None:
        self.collector = collector
        self._target = {"instance": instance, "job": collector.job}
        self._last: frozenset[LabelSet] = frozenset()

    def run(self, timestamp_ms: int) -> SampleBatch:
        """Collect, and return the samples with `up` and its like.

        A collector that raises yields `up` 0. Series that were there the last time and are
        gone get a stale marker, so that queries do not see them five minutes longer.
        """
        started = time.perf_counter()
        families: Sequence[Family] = ()
        is_up = True
        try:
            families = self.collector.collect()
        except Exception:
            log.exception("collector failed", job=self.collector.job)
            is_up = False
        samples = list(self._samples(families))
        current = frozenset(labels for labels, _ in samples)
        stale = [(labels, STALE_NAN) for labels in self._last - current]
        about = {
            "up": float(is_up),
            "scrape_duration_seconds": time.perf_counter() - started,
            "scrape_samples_scraped": float(len(samples)),
        }
        self._last = current
        return batch_at(
            timestamp_ms,
            [*samples, *stale, *((self._labels(name, {}), v) for name, v in about.items())],
            metadata={**_metadata(families), **_ABOUT_THE_RUN},
        )

    def _samples(self, families: Sequence[Family]) -> Iterator[tuple[LabelSet, float]]:
        for family in families:
            for name, labels, value in family.samples:
                yield self._labels(name, labels), value

    def _labels(self, name: str, labels: Mapping[str, str]) -> LabelSet:
        # As Prometheus does when a label of the target has the name of a sample's.
        own = {f"exported_{k}" if k in self._target else k: v for k, v in labels.items()}
        return label_set({METRIC_NAME: name, **own, **self._target})


def _metadata(families: Sequence[Family]) -> dict[str, Metadata]:
    return {f.name: Metadata(type=f.type, help=f.help, unit=f.unit) for f in families}
