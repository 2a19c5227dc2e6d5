"""What memory a web process takes for the largest queries, and that larger ones are refused.

20,000 series at 11,000 steps are 220 million points. A query that aggregates them holds few of them
at a time; one that returns them is refused, with Prometheus's words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from benchmarks.datasets import Dataset
from benchmarks.keepalive import KeepAlive
from benchmarks.systems import System

STEPS = 11_000
# Errors and requests have the same labels but for the name.
_ALL = '{zone=~".+",__name__!="http_errors_total"}'
_AGGREGATING = (
    f"sum by (job) ({_ALL})",
    f"sum by (job) (rate({_ALL}[5m]))",
)
_RETURNING = _ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a query did.

    Attributes:
        text: The expression.
        seconds: Until its answer.
        grown_bytes: From the resident memory of a web process before to its peak, the most of all.
        answer: In a few words.
    """

    text: str
    seconds: float
    grown_bytes: int
    answer: str


def measure(system: System, dataset: Dataset) -> list[Growth]:
    """Ask the largest queries of a portal."""
    return [_ask(system, dataset, text) for text in (*_AGGREGATING, _RETURNING)]


def section(growths: Sequence[Growth], dataset: Dataset) -> str:
    """Return the figures in Markdown."""
    lines = [
        f"### Memory, {dataset.series:,} series at {STEPS:,} steps",
        "",
        "| Query | Answer | Time | Memory that a web process takes for it |",
        "| --- | --- | ---: | ---: |",
    ]
    lines += [
        f"| `{growth.text}` | {growth.answer} | {growth.seconds:.1f} s | {growth.grown_bytes / 1e6:,.0f} MB |"
        for growth in growths
    ]
    return "\n".join(lines) + "\n"


def _ask(system: System, dataset: Dataset, text: str) -> Growth:
    client = KeepAlive(system.port)
    seconds = 6 * 3600
    end = dataset.end_ms / 1000 - 60
    processes = list(_web_processes(system))
    for process in processes:
        # Makes Linux count the peak anew.
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    before = {process.pid: process.memory_info().rss for process in processes}
    began = time.perf_counter()
    status, body = client.get(
        "/api/v1/query_range",
        {
            "query": text,
            "start": f"{end - seconds:.3f}",
            "end": f"{end:.3f}",
            "step": f"{seconds / (STEPS - 1):.3f}",
            "nocache": "1",
        },
    )
    took = time.perf_counter() - began
    client.close()
    return Growth(
        text=text,
        seconds=took,
        grown_bytes=max(_peak(pid) - resident for pid, resident in before.items()),
        answer=_summary(status, body),
    )


def _summary(status: int, body: bytes) -> str:
    answer = msgspec.json.decode(body)
    if status != 200:
        return f"{status}, {answer['errorType']}: {answer['error']}"
    series = answer["data"]["result"]
    return f"{len(series)} series of {len(series[0]['values']) if series else 0:,} points"


def _web_processes(system: System) -> list[psutil.Process]:
    """Return those that answer; their parent only watches over them."""
    web = system.processes_of("web")
    ids = {process.pid for process in web}
    return [process for process in web if process.ppid() in ids]


def _peak(pid: int) -> int:
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 if match else 0
