"""The series that this process has seen, found by the bytes in which a sender wrote their labels."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import repeat

from observability.metrics.store import catalogue
from observability.metrics.store.catalogue import Epoch

# Keys and entries together: about 250,000 series of usual size.
MAX_BYTES = 64 * 1024 * 1024
# A key's own object, its number and the places of both in a dictionary.
_ENTRY_BYTES = 33 + 32 + 104

# What the same bytes mean depends on the protocol and on the labels that are added.
Realm = tuple[str, frozenset[tuple[str, str]]]


class SeriesMemory:
    """A bounded memory of ids by realm and key; when it is full it starts anew."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._ids: dict[Realm, dict[bytes, int]] = {}

    def __len__(self) -> int:
        return sum(len(ids) for ids in self._ids.values())

    def ids_of(self, realm: Realm, keys: Sequence[bytes]) -> list[int]:
        """Return the id of each key, -1 for those that are not known."""
        return list(map(self._ids.get(realm, {}).get, keys, repeat(-1)))

    def add(self, realm: Realm, ids: Mapping[bytes, int], looked_up_in: Epoch) -> None:
        """Remember ids, unless some have been withdrawn since they were looked up."""
        size = sum(map(len, ids)) + len(ids) * _ENTRY_BYTES
        with self._lock:
            if not catalogue.is_current(looked_up_in) or size > self._max_bytes:
                return
            if self._bytes + size > self._max_bytes:
                self._ids, self._bytes = {}, 0
            self._ids.setdefault(realm, {}).update(ids)
            self._bytes += size

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._ids, self._bytes = {}, 0


def realm(protocol: str, added_labels: Mapping[str, str]) -> Realm:
    """Return the realm of a protocol's keys when these labels are added to every series."""
    return protocol, frozenset(added_labels.items())
