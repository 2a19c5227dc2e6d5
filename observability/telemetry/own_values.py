"""Where the values of own metrics live: memory-mapped files that belong to one process each.

prometheus_client's multiprocess mode, with three differences that processes which come and go
need: files are named after an identity that is never reused instead of the pid, a fork never
leaves a lock held, and a forked process has no values but those it has set itself, so that a
gauge of its parent does not show up as zero. The file format is prometheus_client's.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Any

from prometheus_client import values as client_values
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from observability.telemetry.identity import process_identity

_INITIAL_FILE_BYTES = 1 << 16
_ENTRY_OVERHEAD_BYTES = 32


def own_metrics_dir() -> Path | None:
    """Return the folder of the files, or None when values stay in memory."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def use_own_values() -> None:
    """Make prometheus_client keep values as `OwnValue`; metrics that exist already stay as they are."""
    client_values.ValueClass = OwnValue


class _ValueFile(MmapedDict):
    """A file whose blocks are reserved, since a write into a hole on a full disk kills with SIGBUS."""

    def __init__(self, path: Path) -> None:
        _reserve(path, _INITIAL_FILE_BYTES)
        super().__init__(str(path))  # type: ignore[no-untyped-call]  # not annotated there

    def _init_value(self, key: str) -> None:
        needed = self._used + len(key.encode()) + _ENTRY_OVERHEAD_BYTES
        if needed > self._capacity:
            size = self._capacity
            while size < needed:
                size *= 2
            _reserve(Path(self._fname), size)
        super()._init_value(key)  # type: ignore[no-untyped-call]  # not annotated there


def _reserve(path: Path, size_bytes: int) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        elif os.fstat(descriptor).st_size < size_bytes:
            os.ftruncate(descriptor, size_bytes)
    finally:
        os.close(descriptor)


class _Files:
    """The open files of this process, by prefix; a forked process starts with none."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.open: dict[str, _ValueFile] = {}
        self.generation = 0

    def file(self, prefix: str) -> _ValueFile:
        if prefix not in self.open:
            folder = own_metrics_dir()
            if folder is None:
                raise FileNotFoundError("PROMETHEUS_MULTIPROC_DIR is not set")
            self.open[prefix] = _ValueFile(folder / f"{prefix}_{process_identity(folder)}.db")
        return self.open[prefix]

    def forget(self) -> None:
        # Another thread may have held the lock when the process forked; nobody would release it.
        self.lock = Lock()
        self.open = {}
        self.generation += 1


_files = _Files()
os.register_at_fork(after_in_child=_files.forget)


class OwnValue:
    """A float in a file of this process; counts on in memory while there is no folder or no room."""

    _multiprocess = True

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: list[str],
        labelvalues: list[str],
        help_text: str,
        multiprocess_mode: str = "",
        **kwargs: Any,
    ) -> None:
        self._prefix = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        self._key = mmap_key(metric_name, name, labelnames, labelvalues, help_text)
        self._generation = -1
        self._value = 0.0
        with _files.lock:
            self._store(0.0)

    def inc(self, amount: float) -> None:
        """Add to the value."""
        with _files.lock:
            self._forget_value_of_parent()
            self._value += amount
            self._store(0.0)

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Replace the value."""
        with _files.lock:
            self._forget_value_of_parent()
            self._value = value
            self._store(timestamp or 0.0)

    def get(self) -> float:
        """Return what this process has counted or set."""
        with _files.lock:
            self._forget_value_of_parent()
            return self._value

    def set_exemplar(self, exemplar: object) -> None:
        """Drop the exemplar: the file format has no room for it."""

    def get_exemplar(self) -> None:
        """Return None: there are no exemplars."""

    def _forget_value_of_parent(self) -> None:
        if self._generation != _files.generation:
            self._generation = _files.generation
            self._value = 0.0

    def _store(self, timestamp: float) -> None:
        self._generation = _files.generation
        try:
            file = _files.file(self._prefix)
            file.write_value(self._key, self._value, timestamp)  # type: ignore[no-untyped-call]  # not annotated there
        except OSError:
            # The disk is full, say: a counter that lags is better than a request that fails.
            return
