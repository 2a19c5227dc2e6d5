"""The files of own metrics read together, and those of dead processes merged into one archive.

A file is `<type>_<identity>.db` or `gauge_<mode>_<identity>.db`. The archive holds what dead
processes counted and the names of the files that are in it, and is replaced in one step: a file
counts as merged from that moment on, whether or not it could be removed before a crash. Readers
and the merger exclude each other with a lock on the folder, so no reader sees a file twice or not
at all.

An archive that cannot be read is put aside and counting starts anew. So it does with a new release
of the portal, or what an earlier one has measured and this one does not would be told for ever.
"""

from __future__ import annotations

import fcntl
import math
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import msgspec
import structlog
from prometheus_client.mmap_dict import MmapedDict

from observability.telemetry.identity import LOCK_SUFFIX, UNLOCKED_SUFFIX, is_alive
from observability.telemetry.version import VERSION

ARCHIVE_NAME = "archive.json"
DAMAGED_NAME = f"{ARCHIVE_NAME}.damaged"
_FOLDER_LOCK_NAME = "folder.flock"
_HEADER_BYTES = 8
# Making a lock file and locking it takes microseconds; one that is this old was left by a crash.
_ABANDONED_SECONDS = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class ValueKind:
    """How values of several processes become one.

    Attributes:
        type: counter, gauge, histogram or summary.
        mode: For a gauge prometheus_client's multiprocess mode, else ''.
    """

    type: str
    mode: str = ""

    @property
    def outlives_process(self) -> bool:
        """Whether the value still means something when its process is gone."""
        return self.type != "gauge" or not (self.mode == "all" or self.mode.startswith("live"))

    @property
    def names_process(self) -> bool:
        """Whether each process has a series of its own, with a label `pid`."""
        return self.mode in {"all", "liveall"}

    def combine(self, first: Stored, second: Stored) -> Stored:
        """Return one value for two of the same series."""
        match self.mode.removeprefix("live"):
            case "min":
                return min(first, second)
            case "max":
                return max(first, second)
            case "mostrecent":
                return first if first[1] >= second[1] else second
            case _:
                return first[0] + second[0], 0.0


Stored = tuple[float, float]
"""A value, and the Unix time at which it was set (0 unless the newest one counts)."""

Values = dict[ValueKind, dict[str, Stored]]
"""Values by kind and by prometheus_client's key: JSON of metric, sample name, labels and help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFile:
    """A file of one kind of values of one process."""

    path: Path
    kind: ValueKind
    identity: str

    @classmethod
    def from_path(cls, path: Path) -> ValueFile | None:
        """Return what a file name says, or None when it is not one of ours."""
        match path.stem.split("_"):
            case ["gauge", mode, identity]:
                return cls(path=path, kind=ValueKind("gauge", mode), identity=identity)
            case [type_, identity]:
                return cls(path=path, kind=ValueKind(type_), identity=identity)
            case _:
                return None

    def read(self) -> Iterator[tuple[str, Stored]]:
        """Yield keys and values; a file that a crash of the machine has damaged yields what is whole."""
        try:
            if self.path.stat().st_size < _HEADER_BYTES:
                return
            entries = MmapedDict.read_all_values_from_file(str(self.path))  # type: ignore[no-untyped-call]  # not annotated there
            for key, value, timestamp, _ in entries:
                yield key, (value, timestamp)
        except (RuntimeError, UnicodeDecodeError, struct.error) as error:
            log.warning("own metrics file is damaged", file=self.path.name, error=str(error))


Number = float | Literal["nan", "inf", "-inf"]
"""A float as JSON takes it, which has no numbers for NaN and the infinities."""


class Archive(msgspec.Struct):
    """What dead processes have left.

    Attributes:
        release: The version of the portal that has written it.
        included: Names of files whose values are in here already.
        values: By kind (`type` or `gauge_mode`) and key: value and time.
    """

    release: str = ""
    included: list[str] = []
    values: dict[str, dict[str, tuple[Number, Number]]] = {}


@dataclass(slots=True)
class Folder:
    """The folder that the processes of one portal share."""

    path: Path
    _decoder: msgspec.json.Decoder[Archive] = field(
        default_factory=lambda: msgspec.json.Decoder(Archive)
    )

    def values(self) -> Values:
        """Return the values of the archive and of all files, combined.

        Gauges that name a process get its identity as a label `pid`; those that speak of
        running processes only are left out where the process is gone.
        """
        with self._lock(fcntl.LOCK_SH):
            archive = self._read_archive()
            values = _values_of(archive)
            for file in self._files(archive):
                if file.kind.outlives_process or is_alive(self.path, file.identity):
                    _add(values, file)
            return values

    def dead_identities(self) -> set[str]:
        """Return the processes that have ended and whose files are not merged."""
        with self._lock(fcntl.LOCK_SH):
            return self._dead_identities(self._files(self._read_archive()))

    def merge_dead(self) -> int:
        """Move what ended processes counted into the archive; return how many processes it was.

        Safe to kill at any point: until the archive is replaced nothing has changed, and from
        then on the files in it are ignored.
        """
        with self._lock(fcntl.LOCK_EX):
            archive = self._read_archive()
            self._remove(archive.included)
            files = list(self._files(archive))
            dead = self._dead_identities(files)
            dead_files = [file for file in files if file.identity in dead]
            if dead_files:
                values: Values = {}
                if archive.release == VERSION:
                    values = _values_of(archive)
                    for file in dead_files:
                        if file.kind.outlives_process:
                            _add(values, file)
                self._write_archive(values, included=[file.path.name for file in dead_files])
                self._remove(file.path.name for file in dead_files)
            self._remove_lock_files()
            return len(dead)

    def damaged_at(self) -> float | None:
        """Return when an archive was put aside that could not be read; None when none is there."""
        try:
            return (self.path / DAMAGED_NAME).stat().st_mtime
        except FileNotFoundError:
            return None

    @contextmanager
    def _lock(self, operation: int) -> Iterator[None]:
        descriptor = os.open(
            self.path / _FOLDER_LOCK_NAME, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(descriptor, operation)
            yield
        finally:
            os.close(descriptor)

    def _files(self, archive: Archive) -> Iterator[ValueFile]:
        included = set(archive.included)
        for path in sorted(self.path.glob("*.db")):
            file = ValueFile.from_path(path)
            if file is not None and path.name not in included:
                yield file

    def _dead_identities(self, files: Iterable[ValueFile]) -> set[str]:
        identities = {file.identity for file in files}
        return {identity for identity in identities if not is_alive(self.path, identity)}

    def _read_archive(self) -> Archive:
        try:
            return self._decoder.decode((self.path / ARCHIVE_NAME).read_bytes())
        except FileNotFoundError:
            return Archive(release=VERSION)
        except msgspec.DecodeError as error:
            self._put_archive_aside(error)
            return Archive(release=VERSION)

    def _put_archive_aside(self, error: Exception) -> None:
        try:
            (self.path / ARCHIVE_NAME).replace(self.path / DAMAGED_NAME)
            (self.path / DAMAGED_NAME).touch()
        except FileNotFoundError:
            return  # another reader was faster
        log.error("archive of own metrics is damaged", kept_as=DAMAGED_NAME, error=str(error))

    def _write_archive(self, values: Values, *, included: list[str]) -> None:
        archive = Archive(
            release=VERSION,
            included=included,
            values={
                "_".join(filter(None, (kind.type, kind.mode))): {
                    key: (_as_json(value), _as_json(set_at))
                    for key, (value, set_at) in of_kind.items()
                }
                for kind, of_kind in values.items()
            },
        )
        unfinished = self.path / f"{ARCHIVE_NAME}.new"
        with unfinished.open("wb") as file:
            file.write(msgspec.json.encode(archive))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path / ARCHIVE_NAME)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # The new name must be on disk before the merged files leave it.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def _remove_lock_files(self) -> None:
        for path in self.path.glob(f"*{LOCK_SUFFIX}"):
            if not is_alive(self.path, path.stem):
                path.unlink(missing_ok=True)
        for path in self.path.glob(f"*{UNLOCKED_SUFFIX}"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue


def _as_json(number: float) -> Number:
    return number if math.isfinite(number) else cast("Number", str(number))


def _values_of(archive: Archive) -> Values:
    values: Values = {}
    for name, stored in archive.values.items():
        type_, _, mode = name.partition("_")
        values[ValueKind(type_, mode)] = {
            key: (float(value), float(set_at)) for key, (value, set_at) in stored.items()
        }
    return values


def _add(values: Values, file: ValueFile) -> None:
    of_kind = values.setdefault(file.kind, {})
    for key, stored in file.read():
        if file.kind.names_process:
            with suppress(msgspec.DecodeError):  # a key that is not whole
                of_kind[_with_pid(key, file.identity)] = stored
        else:
            known = of_kind.get(key)
            of_kind[key] = stored if known is None else file.kind.combine(known, stored)


def _with_pid(key: str, identity: str) -> str:
    metric_name, sample_name, labels, help_text = parse_key(key)
    named: Mapping[str, str] = {**labels, "pid": identity}
    return msgspec.json.encode([metric_name, sample_name, named, help_text]).decode()


def parse_key(key: str) -> tuple[str, str, dict[str, str], str]:
    """Return metric name, sample name, labels and help text of a key.

    Raises:
        msgspec.DecodeError: It is not whole, as in a file that a crash of the machine has damaged.
    """
    return msgspec.json.decode(key, type=tuple[str, str, dict[str, str], str])
