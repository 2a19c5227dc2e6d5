"""What each API key sends, counted in the portal's own metrics.

The name of a key is a label for people; its id tells keys of one name apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import Counter

from observability.metrics.ingest.sender import Sender

_LABELS = ("key", "key_id")
KEY_SAMPLES = Counter(
    "portal_key_samples_ingested_total", "Samples of an API key that were stored.", _LABELS
)
KEY_SERIES = Counter("portal_key_series_made_total", "New series that an API key made.", _LABELS)
KEY_WRITES = Counter("portal_key_writes_total", "Writes of an API key, refused ones too.", _LABELS)
KEY_BYTES = Counter(
    "portal_key_received_bytes_total", "Announced length of the bodies of an API key.", _LABELS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCounters:
    """The counters of one key."""

    samples: Counter
    series: Counter
    writes: Counter
    received_bytes: Counter


def count_samples(sender: Sender, samples: int) -> None:
    """Count samples that were stored."""
    if counters := _counters_of(sender):
        counters.samples.inc(samples)


def count_series(sender: Sender, series: int) -> None:
    """Count series that were made."""
    if counters := _counters_of(sender):
        counters.series.inc(series)


def count_write(sender: Sender, body_bytes: int) -> None:
    """Count a request."""
    if counters := _counters_of(sender):
        counters.writes.inc()
        counters.received_bytes.inc(body_bytes)


def _counters_of(sender: Sender) -> KeyCounters | None:
    return None if sender.key_id is None else _counters(sender.name, sender.key_id)


# To look a counter up by its labels takes longer than to count.
@lru_cache(maxsize=1000)
def _counters(name: str, key_id: int) -> KeyCounters:
    labels = (name, str(key_id))
    return KeyCounters(
        samples=KEY_SAMPLES.labels(*labels),
        series=KEY_SERIES.labels(*labels),
        writes=KEY_WRITES.labels(*labels),
        received_bytes=KEY_BYTES.labels(*labels),
    )
