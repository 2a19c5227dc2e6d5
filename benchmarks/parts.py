"""What each part of a running portal uses: CPU and memory, PostgreSQL's told by whom it serves."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.systems import System
from observability.embedded.leftovers import PROGRAM_MARK

BULK = "bulk worker"
POSTGRES_FOR_BULK = "PostgreSQL for the bulk worker"
POSTGRES_ITSELF = "PostgreSQL itself: WAL, checkpoints, vacuum"
POSTGRES_BRIEF = "PostgreSQL for connections too brief to be told apart"
OTHERS = "all else: timely, beat, watch, scrape, Redis"
_POSTGRES_FOR = {
    "portal web": "PostgreSQL for the web processes",
    "portal bulk": POSTGRES_FOR_BULK,
}
_POSTGRES_FOR_OTHERS = "PostgreSQL for all else"
# The connection that asks for statistics is no part of the portal.
_BENCHMARK = "portal"


@dataclass(slots=True)
class _Seen:
    """A process: its part ('' until it is known), and its CPU-seconds when first and last seen."""

    part: str
    cpu_before: float
    cpu: float = 0.0


@dataclass(slots=True)
class Use:
    """What a part used.

    Attributes:
        cpu_seconds: Since the beginning.
        memory_bytes: The largest that its processes held at one time, shared pages divided.
        peak_bytes: The largest resident set that one of its processes ever had.
    """

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    peak_bytes: int = 0


class Parts:
    """Follows the processes of a portal from its making on.

    A process that ends is counted as it was last seen, hence they are to be looked at often.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[psutil.Process, _Seen] = {}
        self._memory: dict[str, int] = {}
        self._peak: dict[str, int] = {}
        self._web_processes = 0
        self._postmaster: psutil.Process | None = None
        self.look()
        for seen in self._seen.values():
            seen.cpu_before = seen.cpu
        self._ended_before = self._ended_backends()

    def look(self) -> None:
        """See what CPU each process has used."""
        root = psutil.Process(self._system.process.pid)
        unknown = []
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):  # it has just ended
                seen = self._seen.get(process)
                if seen is None:
                    seen = self._seen[process] = _Seen(self._part(process), 0.0)
                seen.cpu = sum(process.cpu_times()[:2])
                if not seen.part:
                    unknown.append(process)
        if unknown:
            served = _served()
            for process in unknown:
                self._seen[process].part = served.get(process.pid, "")

    def look_at_memory(self) -> None:
        """See what memory the web processes and the bulk worker hold."""
        held: dict[str, int] = defaultdict(int)
        for process, seen in self._seen.items():
            if seen.part == BULK or seen.part.startswith("web"):
                with suppress(psutil.Error, OSError):
                    held[seen.part] += process.memory_full_info().pss
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    if match := re.search(r"VmHWM:\s+(\d+) kB", status):
                        peak = int(match[1]) * 1024
                        self._peak[seen.part] = max(self._peak.get(seen.part, 0), peak)
        for part, size in held.items():
            self._memory[part] = max(self._memory.get(part, 0), size)

    def uses(self) -> dict[str, Use]:
        """Return what each part used until it was last looked at."""
        uses: dict[str, Use] = defaultdict(Use)
        brief = self._ended_backends() - self._ended_before
        for process, seen in self._seen.items():
            has_ended = not process.is_running()
            if seen.part:
                uses[seen.part].cpu_seconds += seen.cpu - seen.cpu_before
            elif not has_ended:
                uses[POSTGRES_BRIEF].cpu_seconds += seen.cpu - seen.cpu_before
            if has_ended and seen.part in _BACKENDS:
                brief -= seen.cpu
        uses[POSTGRES_BRIEF].cpu_seconds += max(brief, 0.0)
        uses.pop(_BENCHMARK, None)
        for part, use in uses.items():
            use.memory_bytes = self._memory.get(part, 0)
            use.peak_bytes = self._peak.get(part, 0)
        return dict(sorted(uses.items(), key=lambda item: (_ORDER.get(item[0], 0), item[0])))

    def _part(self, process: psutil.Process) -> str:
        parent = process.parent()
        if process.name() == "postgres":
            if parent is not None and parent.name() == "postgres":
                return ""
            self._postmaster = process
            return POSTGRES_ITSELF
        program = process.environ().get(PROGRAM_MARK)
        if program == "bulk":
            return BULK
        # The first of them only watches over the others.
        if program == "web" and parent and parent.environ().get(PROGRAM_MARK) == "web":
            self._web_processes += 1
            return f"web process {self._web_processes}"
        return OTHERS

    def _ended_backends(self) -> float:
        """Return the CPU-seconds of all processes of PostgreSQL that have ended."""
        return sum(self._postmaster.cpu_times()[2:4]) if self._postmaster else 0.0


_BACKENDS = {*_POSTGRES_FOR.values(), _POSTGRES_FOR_OTHERS, POSTGRES_ITSELF, _BENCHMARK}
_ORDER = {
    name: number
    for number, name in enumerate(
        [
            "PostgreSQL for the web processes",
            BULK,
            POSTGRES_FOR_BULK,
            _POSTGRES_FOR_OTHERS,
            POSTGRES_BRIEF,
            POSTGRES_ITSELF,
            OTHERS,
        ],
        start=1,
    )
}


def _served() -> dict[int, str]:
    """Return the part that each process of PostgreSQL belongs to, by its id."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid, backend_type, application_name FROM pg_stat_activity")
        rows = cursor.fetchall()
    return {
        pid: POSTGRES_ITSELF
        if kind != "client backend"
        else _BENCHMARK
        if name == _BENCHMARK
        else _POSTGRES_FOR.get(name, _POSTGRES_FOR_OTHERS)
        for pid, kind, name in rows
        # A connection that is being made has no name yet.
        if kind != "client backend" or name
    }
