"""The exemplars of a remote-write body: where the walks have found them, and what they say.

Prometheus sends an exemplar as a series of its own that has no sample. So exemplars never make
series: they belong to one that the process knows, or that is in the catalogue.

    Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }  (1.0)
    Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }  (2.0)
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.errors import MalformedBodyError
from observability.metrics.exemplars import MAX_EXEMPLARS, Exemplar
from observability.metrics.ingest.protobuf import Wire, fields, numbers
from observability.metrics.ingest.remote_write.messages import decode_labels
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.metrics.store import catalogue
from observability.promql.labels import LabelSet, label_set

# The columns of what a walk notes: the id of the series, -1 when the process does not know it, where
# its labels begin and end among the keys, where the exemplar begins and ends in the body.
SERIES_ID, KEY_START, KEY_END, START, END = range(5)

DecodeLabels = Callable[[Sequence[bytes | int]], dict[str, str]]
"""From the contents of the field of an exemplar that has its labels to these."""


def room_for_exemplars(size: int) -> NDArray[np.int64]:
    """Return rows for the exemplars of a body of so many bytes; what is not touched costs no memory."""
    return np.empty((min(size // 2, MAX_EXEMPLARS), 5), np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundExemplars:
    """The exemplars of a body.

    Attributes:
        data: The body.
        keys: The bytes in which the labels of their series stand, as 1.0 writes them.
        rows: int64, a row for each of them, up to as many as are taken.
        count: How many there are.
        decode_labels: Reads their own labels.
    """

    data: NDArray[np.uint8]
    keys: NDArray[np.uint8]
    rows: NDArray[np.int64]
    count: int
    decode_labels: DecodeLabels

    def by_series(self, added_labels: Mapping[str, str]) -> dict[int, list[Exemplar]]:
        """Return what can be read, by the id of the series; those of unknown series are left out.

        Args:
            added_labels: Labels that every series of the sender gets.
        """
        found: dict[int, list[Exemplar]] = defaultdict(list)
        unknown: dict[bytes, list[Exemplar]] = defaultdict(list)
        for row in self.rows.tolist():
            exemplar = self._decode(self.data[row[START] : row[END]].tobytes())
            if exemplar is None:
                continue
            if row[SERIES_ID] >= 0:
                found[row[SERIES_ID]].append(exemplar)
            else:
                key = self.keys[row[KEY_START] : row[KEY_END]].tobytes()
                unknown[key].append(exemplar)
        if unknown:
            label_sets = {key: _label_set(key, added_labels) for key in unknown}
            ids = catalogue.find(labels for labels in label_sets.values() if labels)
            for key, exemplars in unknown.items():
                if (series_id := ids.get(label_sets[key])) is not None:
                    found[series_id] += exemplars
        return found

    def _decode(self, message: bytes) -> Exemplar | None:
        # Times before 1970 come as very large numbers, which no bounds hold.
        value, timestamp_ms = 0.0, 0
        labels: list[bytes | int] = []
        try:
            for number, wire, content in fields(message):
                if number == 1:
                    labels.append(content)
                elif isinstance(content, int):
                    timestamp_ms = content if number == 3 else timestamp_ms
                elif (number, wire) == (2, Wire.EIGHT_BYTES):
                    (value,) = struct.unpack("<d", content)
            return Exemplar(
                labels=self.decode_labels(labels), value=value, timestamp_ms=timestamp_ms
            )
        except (MalformedBodyError, UnacceptableSeriesError, UnicodeDecodeError, LookupError):
            return None


def labels_of_v1(contents: Sequence[bytes | int]) -> dict[str, str]:
    """Return the labels of an exemplar of 1.0."""
    labels: dict[str, str] = {}
    for content in contents:
        if not isinstance(content, bytes):
            raise MalformedBodyError("a label is a message")
        parts = {number: part for number, _, part in fields(content) if isinstance(part, bytes)}
        labels[parts.get(1, b"").decode()] = parts.get(2, b"").decode()
    return labels


def labels_of_v2(contents: Sequence[bytes | int], symbol: Callable[[int], bytes]) -> dict[str, str]:
    """Return the labels of an exemplar of 2.0, whose parts are numbers of symbols."""
    places: list[int] = []
    for content in contents:
        places += [content] if isinstance(content, int) else numbers(content)
    if len(places) % 2:
        raise MalformedBodyError("a label has a name and a value")
    texts = [symbol(place).decode() for place in places]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _label_set(key: bytes, added_labels: Mapping[str, str]) -> LabelSet:
    """Return the label set of a series; an empty one when the labels are no right ones."""
    try:
        return label_set({**decode_labels(key), **added_labels})
    except (MalformedBodyError, UnacceptableSeriesError):
        return ()
