"""The import of a file: chunk by chunk, each in a transaction with how far it has come."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from observability.metrics.backend import get_backend
from observability.metrics.importing.chunks import Chunk, RecordTooLongError, read_chunks
from observability.metrics.importing.errors import FaultyLineError, ImportFailedError
from observability.metrics.importing.formats import FileFormat, make_format
from observability.metrics.importing.models import ImportedFile
from observability.metrics.importing.parts import Fault, Judge, Part
from observability.metrics.importing.sources import STDIN, Source, digest_of, open_source
from observability.metrics.ingest.acceptance import any_age
from observability.metrics.ingest.sender import Sender
from observability.metrics.samples import SampleBatch
from observability.metrics.store import retention
from observability.metrics.store.windows import DAY_MS
from observability.promql.labels import METRIC_NAME, LabelSet, label_value

_SENDER = Sender(name="import_metrics")
# Of the lines that are skipped so many are named; of the series so many are counted.
_FAULTS_KEPT = 10
_MAX_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How files are imported.

    Attributes:
        labels: Added to every series; they win over the file's.
        is_dry_run: Nothing is written.
        skips_faults: Lines that are wrong are left out, and the rest is imported.
        again: A file that was imported is imported once more.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    is_dry_run: bool = False
    skips_faults: bool = False
    again: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was imported of a file, now and by the runs before that were interrupted.

    Attributes:
        samples: How many samples.
        resumed_line: Where this run began; 1 for the beginning.
        finished_before: When the file was imported already, and so is not now.
        skipped: How many lines were left out.
        faults: What was wrong with the first of them.
        oldest_ms: The time of the oldest sample of this run, None without any.
        newest_ms: That of the newest.
        series: The hashes of its series; of very many not all.
        expiring: Metrics with samples older than their samples are kept, with the days these are.
    """

    samples: int = 0
    resumed_line: int = 1
    finished_before: datetime | None = None
    skipped: int = 0
    faults: list[Fault] = field(default_factory=list)
    oldest_ms: int | None = None
    newest_ms: int | None = None
    series: set[int] = field(default_factory=set)
    expiring: dict[str, int] = field(default_factory=dict)

    def add(self, part: Part, *, now_ms: int) -> None:
        """Count what a part of the file holds."""
        times = part.batch.timestamps_ms
        self.samples += len(times)
        self.skipped += len(part.faults)
        self.faults += part.faults[: _FAULTS_KEPT - len(self.faults)]
        if not len(times):
            return
        oldest, newest = int(times.min()), int(times.max())
        self.oldest_ms = oldest if self.oldest_ms is None else min(self.oldest_ms, oldest)
        self.newest_ms = newest if self.newest_ms is None else max(self.newest_ms, newest)
        if len(self.series) < _MAX_COUNTED:
            self.series.update(map(hash, part.batch.label_sets))
        self._note_expiring(part.batch, now_ms)

    def _note_expiring(self, batch: SampleBatch, now_ms: int) -> None:
        age_ms = now_ms - int(batch.timestamps_ms.min())
        for name in _names(batch.label_sets) - self.expiring.keys():
            kept_ms = retention.policy_of(name).raw_ms
            if age_ms <= kept_ms:
                continue
            is_old = batch.timestamps_ms < now_ms - kept_ms
            if name in _names(
                {batch.label_sets[place] for place in set(batch.series[is_old].tolist())}
            ):
                self.expiring[name] = kept_ms // DAY_MS


Tell = Callable[[Source, Outcome], None]


def import_file(path: str, file_format: FileFormat, options: Options, *, tell: Tell) -> Outcome:
    """Import a file, from where an earlier import of the same content was interrupted.

    Args:
        path: The file, `-` for standard input, which cannot be resumed.
        file_format: What it is.
        options: How to do it.
        tell: Called after each chunk.

    Raises:
        ImportFailedError: It cannot be imported, or not further.
    """
    record = None if options.is_dry_run or path == STDIN else _record(path, file_format, options)
    if record and record.finished_at:
        return Outcome(samples=record.sample_count, finished_before=record.finished_at)
    outcome = Outcome()
    if record:
        outcome.samples, outcome.skipped = record.sample_count, record.skipped_count
        outcome.resumed_line = record.line
    with open_source(path) as source:
        now_ms = int(time.time() * 1000)
        try:
            reader = make_format(file_format, source.head)
        except ImportFailedError as error:
            raise ImportFailedError(f"{path}: {error}") from error
        judge = Judge(reader.decode, added_labels=options.labels, bounds=any_age(now_ms))
        chunks = read_chunks(
            source.stream,
            reader.cut,
            offset=record.offset if record else 0,
            line=outcome.resumed_line,
        )
        try:
            for chunk in chunks:
                part = judge.part(reader.read(chunk))
                if part.faults and not options.skips_faults:
                    raise FaultyLineError(path, *part.faults[0])
                if not options.is_dry_run:
                    _store(part, chunk, record)
                outcome.add(part, now_ms=now_ms)
                tell(source, outcome)
        except RecordTooLongError as error:
            raise FaultyLineError(path, error.line, str(error)) from error
    if record:
        record.finished_at = timezone.now()
        record.save(update_fields=["finished_at"])
    return outcome


def _record(path: str, file_format: FileFormat, options: Options) -> ImportedFile:
    """Return how far the import of a file is, by its content and what is made of it."""
    said = repr((digest_of(path), file_format.value, sorted(options.labels.items())))
    record, _ = ImportedFile.objects.get_or_create(
        fingerprint=hashlib.sha256(said.encode()).hexdigest(), defaults={"path": path}
    )
    if options.again:
        ImportedFile.objects.filter(pk=record.pk).update(
            path=path, offset=0, line=1, sample_count=0, skipped_count=0,
            started_at=timezone.now(), finished_at=None,
        )  # fmt: skip
        record.refresh_from_db()
    return record


def _store(part: Part, chunk: Chunk, record: ImportedFile | None) -> None:
    """Store a part, and in the same transaction how far the import has come."""
    with transaction.atomic():
        if record:
            moved = ImportedFile.objects.filter(pk=record.pk, offset=record.offset).update(
                offset=chunk.end,
                line=chunk.next_line,
                sample_count=record.sample_count + len(part.batch),
                skipped_count=record.skipped_count + len(part.faults),
            )
            if not moved:
                raise ImportFailedError(
                    f"{record.path}: another process imports this file at the moment"
                )
        get_backend().append(part.batch, sender=_SENDER)
    if record:
        record.refresh_from_db()


def _names(label_sets: Iterable[LabelSet]) -> set[str]:
    return {label_value(labels, METRIC_NAME) for labels in label_sets}


def time_in_words(timestamp_ms: int) -> str:
    """Return a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
