"""The portal's own metrics: all processes as one, as families and as exposition text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import msgspec
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from observability.telemetry.own_files import Folder, Values, parse_key
from observability.telemetry.own_values import own_metrics_dir

# More dead processes than this make a scrape slow, so it merges them itself when `watch` does not.
MAX_DEAD_PROCESSES = 50

Labels = tuple[tuple[str, str], ...]


def folder() -> Folder:
    """Return the folder in which this process and its kin keep their metrics."""
    path = own_metrics_dir()
    if path is None:
        raise LookupError("PROMETHEUS_MULTIPROC_DIR is not set")
    return Folder(path)


def collect_families(path: Path | None = None) -> list[Metric]:
    """Return the own metrics of all processes, living and dead, sorted by name.

    Counters and histograms never fall, whichever processes come and go; a new release of the
    portal starts them anew. Values that the
    portal serves from its store are not among them.
    """
    shared = folder() if path is None else Folder(path)
    if len(shared.dead_identities()) > MAX_DEAD_PROCESSES:
        shared.merge_dead()
    return _families(shared.values())


def merge_dead_processes() -> int:
    """Merge the metrics of processes that have ended; return how many there were."""
    return folder().merge_dead()


class _Collected:
    """What the encoders of prometheus_client take for a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(accept_header: str, families: Iterable[Metric] | None = None) -> tuple[bytes, str]:
    """Return exposition text and its content type, in the format that the client asks for.

    Args:
        accept_header: The request's `Accept`; '' gives the text format 0.0.4.
        families: What to write; the own metrics unless given.
    """
    encode, content_type = choose_encoder(accept_header)
    return encode(_Collected(collect_families() if families is None else families)), content_type


@lru_cache(maxsize=50_000)
def _parsed(key: str) -> tuple[str, str, Labels, str]:
    metric_name, sample_name, labels, help_text = parse_key(key)
    return metric_name, sample_name, tuple(sorted(labels.items())), help_text


def _families(values: Values) -> list[Metric]:
    families: dict[str, Metric] = {}
    for kind, of_kind in sorted(values.items()):
        for key, (value, set_at) in of_kind.items():
            try:
                metric_name, sample_name, labels, help_text = _parsed(key)
            except msgspec.DecodeError:
                continue
            family = families.setdefault(metric_name, Metric(metric_name, help_text, kind.type))
            if kind.mode.endswith("mostrecent") and not set_at:
                continue  # made, but never set
            # A metric that was of another type in an earlier release must not spoil the text.
            if family.type == kind.type:
                family.samples.append(Sample(sample_name, dict(labels), value))
    for family in families.values():
        if family.type == "histogram":
            family.samples = _cumulative(family)
        else:
            family.samples.sort(key=lambda sample: (sample.name, sorted(sample.labels.items())))
    return [families[name] for name in sorted(families)]


def _cumulative(family: Metric) -> list[Sample]:
    """Return a histogram's samples as exposed: buckets that add up, then count and sum."""
    buckets: dict[Labels, dict[float, float]] = {}
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        labels = tuple(sorted(pair for pair in sample.labels.items() if pair[0] != "le"))
        if "le" in sample.labels:
            buckets.setdefault(labels, {})[float(sample.labels["le"])] = sample.value
        else:
            sums[labels] = sample.value
    samples: list[Sample] = []
    for labels, by_bound in sorted(buckets.items()):
        total = 0.0
        for bound, value in sorted(by_bound.items()):
            total += value
            le = {"le": floatToGoString(bound)}  # type: ignore[no-untyped-call]  # not annotated there
            samples.append(Sample(f"{family.name}_bucket", {**dict(labels), **le}, total))
        samples.append(Sample(f"{family.name}_count", dict(labels), total))
        samples.append(Sample(f"{family.name}_sum", dict(labels), sums.get(labels, 0.0)))
    return samples
