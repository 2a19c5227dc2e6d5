"""The series of a target's last scrape, as its row keeps them, so that any process can end them.

Keys stand as the target wrote them, behind the scope that makes labels of them: equal bytes in
equal scopes are equal series, so that usually one hash says that nothing has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cramjam

from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.metrics.scraping.sample_labels import Scope, read_scope
from observability.promql.labels import METRIC_NAME, LabelSet, label_set, label_value

# No key has a line break: the text formats escape it.
_DIVIDER = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedSeries:
    """Keys in a scope."""

    scope: Scope
    keys: Sequence[bytes]

    @property
    def digest(self) -> bytes:
        """Return a 128-bit hash; b"" when there are no series."""
        if not self.keys:
            return b""
        return hashlib.blake2b(self.scope.id + _DIVIDER.join(self.keys), digest_size=16).digest()

    def encode(self) -> bytes:
        """Return what the row keeps."""
        if not self.keys:
            return b""
        text = _DIVIDER.join((self.scope.text.encode(), *self.keys))
        return bytes(cramjam.zstd.compress(text, level=1))

    @classmethod
    def decode(cls, data: bytes) -> TrackedSeries | None:
        """Return what `encode` was given; None when there were no series."""
        if not data:
            return None
        scope, *keys = bytes(cramjam.zstd.decompress(data)).split(_DIVIDER)
        return cls(scope=read_scope(scope.decode()), keys=keys)


def metric_names(data: bytes) -> set[str]:
    """Return the names of the metrics of what `TrackedSeries.encode` gave."""
    tracked = TrackedSeries.decode(data)
    if tracked is None:
        return set()
    names = {key.partition(b"{")[0].rstrip() for key in tracked.keys}
    if not tracked.scope.rules and b"" not in names:
        return {name.decode() for name in names}
    # Rules may change names, and some stand between the braces.
    return {label_value(labels, METRIC_NAME) for labels in _label_sets(tracked.scope, tracked.keys)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from one scrape to the next.

    Attributes:
        ended: The label sets that were there and are gone.
        added: How many keys are new.
    """

    ended: Sequence[LabelSet]
    added: int


def difference(before: TrackedSeries | None, now: TrackedSeries) -> Difference:
    """Return what changed; a series that is only written in another way has not ended."""
    if before is None:
        return Difference(ended=[], added=len(set(now.keys)))
    then, present = set(before.keys), set(now.keys)
    if before.scope.id != now.scope.id:
        ended = _label_sets(before.scope, then) - _label_sets(now.scope, present)
        return Difference(ended=sorted(ended), added=len(present))
    gone, new = then - present, present - then
    if not gone:
        return Difference(ended=[], added=len(new))
    # With rules, several keys may be one series, of which another key is still there.
    others = present if now.scope.rules else new
    ended = _label_sets(before.scope, gone) - _label_sets(now.scope, others)
    return Difference(ended=sorted(ended), added=len(new))


def _label_sets(scope: Scope, keys: Iterable[bytes]) -> set[LabelSet]:
    found = set()
    for key in keys:
        try:
            labels = scope.labels(key)
        except UnacceptableSeriesError:
            continue  # it was never stored
        if labels is not None:
            found.add(label_set(labels))
    return found
