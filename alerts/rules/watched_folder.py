"""The watched folder: what lies in it are the rules, without anybody importing it.

A look costs a listing, a `stat` a file and one query as long as nothing has changed. Two looks at
once do no harm: each file is taken up under a lock, by whoever comes first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction

from alerts.models import WatchedRuleFile
from alerts.rules.errors import RuleError
from alerts.rules.files.definitions import RuleFile
from alerts.rules.files.reading import checked_rules
from alerts.rules.importing.imports import apply_import
from alerts.rules.revisions import Author
from observability.telemetry.health import CheckResult, Status

SUFFIXES = (".yml", ".yaml")
MAX_FILE_BYTES = 16 * 1024 * 1024

_LOCK = 0x72756C66
# A file that was written this shortly before is read once more: it may change within one tick of
# the clock that its time is taken from.
_SETTLED_NS = 2_000_000_000
_NAMES_SHOWN = 5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Trace:
    """What tells that a file may have changed, without reading it."""

    size_bytes: int
    modified_ns: int


def take_up_changes(*, folder: Path, now: datetime) -> list[str]:
    """Make rules what the folder says, and return the names of the files that were taken up.

    The groups of a file that is wrong stay as they were, and those of a file that is gone go. A
    folder that is not there at all takes nothing away: it may be a disk that is not mounted.
    """
    traces = _traces(folder)
    if traces is None:
        return []
    rows = {row.name: row for row in WatchedRuleFile.objects.all()}
    changed = [name for name, trace in traces.items() if _trace_of(rows.get(name)) != trace]
    for name in changed:
        _take_up(folder / name, traces[name], now=now)
    gone = [name for name in rows if name not in traces]
    for name in gone:
        _let_go(name, now=now)
    return [*changed, *gone]


def check_rule_files() -> CheckResult:
    """Report files of the watched folder that are not in force."""
    wrong = list(WatchedRuleFile.objects.exclude(error="").values_list("name", "error"))
    if wrong:
        names = ", ".join(name for name, _ in wrong[:_NAMES_SHOWN])
        return CheckResult(
            status=Status.DEGRADED,
            message=f"{len(wrong)} rule files are wrong and their last good content is in force: "
            f"{names}. See Alerts > Rule files.",
            details={"files": dict(wrong[:_NAMES_SHOWN]), "count": len(wrong)},
        )
    count = WatchedRuleFile.objects.count()
    if count and not settings.RULES_DIR.is_dir():
        return CheckResult(
            status=Status.DEGRADED,
            message=f"The folder of rule files, {settings.RULES_DIR}, is not there; its {count}"
            " files stay in force.",
        )
    return CheckResult(status=Status.OK, message=f"{count} rule files are in force.")


def _traces(folder: Path) -> Mapping[str, _Trace] | None:
    """Return the rule files of a folder; None when there is no folder."""
    traces = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.endswith(SUFFIXES) or entry.name.startswith("."):
                    continue
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    # Gone meanwhile, or a link that leads nowhere.
                    continue
                if entry.is_file():
                    traces[entry.name] = _Trace(stat.st_size, stat.st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return dict(sorted(traces.items()))


def _trace_of(row: WatchedRuleFile | None) -> _Trace | None:
    return None if row is None else _Trace(row.size_bytes, row.modified_ns)


@transaction.atomic
def _take_up(path: Path, trace: _Trace, *, now: datetime) -> None:
    """Read a file and put it in force, or keep what is wrong with it."""
    _lock()
    row = WatchedRuleFile.objects.filter(name=path.name).first()
    row = row or WatchedRuleFile(name=path.name, digest="")
    row.size_bytes = trace.size_bytes
    age_ns = int(now.timestamp() * 1e9) - trace.modified_ns
    row.modified_ns = trace.modified_ns if age_ns > _SETTLED_NS else 0
    try:
        content = _content(path)
    except FileNotFoundError:
        return
    except OSError as error:
        row.error, row.digest, row.read_at = f"{path.name}: {error.strerror}", "", now
        row.save()
        return
    digest = hashlib.sha256(content).hexdigest()
    if row.digest != digest:
        row.digest, row.read_at = digest, now
        row.error = _apply(path.name, content, now=now)
        if row.error:
            _log.warning("rule file is wrong", file=path.name, error=row.error)
        else:
            row.applied_at = now
    row.save()


def _content(path: Path) -> bytes:
    """Return what a file holds, one byte more than is allowed at most."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _apply(name: str, content: bytes, *, now: datetime) -> str:
    """Put the content of a file in force, and return what is wrong with it, '' for nothing."""
    if len(content) > MAX_FILE_BYTES:
        return f"{name}: larger than {MAX_FILE_BYTES // 1024**2} MiB"
    try:
        rules = checked_rules(content.decode("utf-8-sig"), name)
        _import(name, rules, now=now)
    except UnicodeDecodeError:
        return f"{name}: not in UTF-8"
    except RuleError as error:
        return str(error)
    return ""


@transaction.atomic
def _let_go(name: str, *, now: datetime) -> None:
    """Remove the groups of a file that is gone."""
    _lock()
    if WatchedRuleFile.objects.filter(name=name).delete()[0]:
        _import(name, RuleFile([]), now=now)


def _import(name: str, rules: RuleFile, *, now: datetime) -> None:
    apply_import(
        {name: rules},
        now=now,
        prune=True,
        author=Author(via=f"rule file {name}"[:200]),
        is_provisioned=True,
    )


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
