"""What a process keeps at hand of what it has read, as much as fits; the longest unused gives way."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Kept(Generic[KeyT, ValueT]):
    """Values by key, bounded by their size in bytes; any thread may use it."""

    def __init__(self, max_bytes: int, size_of: Callable[[ValueT], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[KeyT, ValueT] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: KeyT) -> ValueT | None:
        """Return the value of a key; None when it is not kept."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def get_all(self, keys: Iterable[KeyT]) -> dict[KeyT, ValueT]:
        """Return the values of those keys that are kept."""
        with self._lock:
            values = self._values
            found = {key: values[key] for key in keys if key in values}
            for key in found:
                values.move_to_end(key)
            return found

    def keep(self, news: Mapping[KeyT, ValueT]) -> None:
        """Keep values, and let go of others for them; one that is too large alone is not kept."""
        with self._lock:
            for key, value in news.items():
                before = self._values.pop(key, None)
                if before is not None:
                    self._bytes -= self._size_of(before)
                if self._size_of(value) <= self._max_bytes:
                    self._values[key] = value
                    self._bytes += self._size_of(value)
            while self._bytes > self._max_bytes and self._values:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= self._size_of(dropped)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0
