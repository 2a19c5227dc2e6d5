"""How fast series are found by matchers when a million of them are registered.

`python -m benchmarks.selection` fills the catalogue of a PostgreSQL of its own as 5,000 hosts would
and asks selectors that find about a hundred series; `--write` puts the table into
docs/benchmarks.md. Every repetition asks for something else, so that no answer is one that was
given before.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from observability.embedded.servers import start_servers

HOSTS = 5_000
GAUGES = 181
GAUGES_PER_HOST = 120
USERS_PER_HOST = 20
SERIES_PER_WRITE = 5_000
_DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a name for the table, and the selector of the n-th repetition."""

    name: str
    selector: Callable[[int], str]


QUESTIONS = (
    Question("metric, `=`", lambda n: f'node_gauge_007{{dc="dc-{n:02d}"}}'),
    Question(
        "metric, three `=`",
        lambda n: f'node_cpu_seconds_total{{dc="dc-{n:02d}",mode="idle",cpu="{n % 4}"}}',
    ),
    Question(
        "metric, `!=`",
        lambda n: f'http_requests_total{{dc="dc-{n:02d}",path="/search",code!="200",code!="500"}}',
    ),
    Question(
        "metric, `=~` on 5,000 values",
        lambda n: f'node_gauge_007{{instance=~"host-{n // 10}{n % 10}..:9100"}}',
    ),
    Question(
        "metric, `!~` on 5,000 values",
        lambda n: f'node_gauge_007{{instance!~"host-(0[{n % 10}2-9]|[1-4]).*"}}',
    ),
    Question(
        "metric of 160,000 series, `=~`, `!~`",
        lambda n: (
            f'node_cpu_seconds_total{{instance=~"host-{n:02d}[0-2].*",mode!~"i.*|s.*",cpu!="0"}}'
        ),
    ),
    Question(
        "metric, `=~` on 100,000 values, by their beginning",
        lambda n: f'user_requests_total{{path=~"/users/{n + 10}7[0-9]{{2}}"}}',
    ),
    Question(
        "metric, `=~` on 100,000 values, by their end",
        lambda n: f'user_requests_total{{path=~".+{n + 100}"}}',
    ),
    Question("no metric, `=`", lambda n: f'{{instance="host-{n * 100:04d}:9100"}}'),
    Question(
        "no metric, `=`, `!=`, `=~`",
        lambda n: f'{{instance="host-{n * 100:04d}:9100",job!="node",pod=~"api-.*"}}',
    ),
    Question("no metric, `=~` on 5,000 values", lambda n: f'{{pod=~"api-{n + 300}[0-9]-.*"}}'),
    Question(
        "no metric, `=~` on 100,000 values",
        lambda n: f'{{path=~"/users/{n + 10}7[0-9]{{2}}"}}',
    ),
    Question(
        "metrics by `=~`, `=`",
        lambda n: f'{{__name__=~"node_gauge_.*",instance="host-{n * 100:04d}:9100"}}',
    ),
)


def host_series(host: int) -> Iterator[dict[str, str]]:
    """Yield the labels of the 200 series of a host."""
    common = {"instance": f"host-{host:04d}:9100", "dc": f"dc-{host % 33:02d}"}
    node = {"job": "node", **common}
    for number in range(GAUGES_PER_HOST):
        yield {"__name__": f"node_gauge_{(host + number) % GAUGES:03d}", **node}
    for cpu in range(4):
        for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"):
            yield {"__name__": "node_cpu_seconds_total", "cpu": str(cpu), "mode": mode, **node}
    for path in ("/", "/search", "/cart", "/pay"):
        for code in ("200", "404", "500"):
            yield {
                "__name__": "http_requests_total",
                "job": "api",
                "path": path,
                "code": code,
            } | common
    pod = f"api-{host}-{host * 7919 % 65_536:04x}"
    for number in range(16):
        yield {"__name__": f"container_gauge_{number:02d}", "job": "kubelet", "pod": pod, **common}
    for user in range(USERS_PER_HOST):
        path = f"/users/{host * USERS_PER_HOST + user}"
        yield {"__name__": "user_requests_total", "job": "api", "path": path, **common}


def register(hosts: int) -> float:
    """Put the series of all hosts into the catalogue; return how many were made a second."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    from observability.metrics.store import catalogue  # noqa: PLC0415
    from observability.promql.labels import LabelSet, label_set  # noqa: PLC0415

    began = time.perf_counter()
    total = 0
    waiting: list[LabelSet] = []
    for host in range(hosts):
        waiting += map(label_set, host_series(host))
        if len(waiting) >= SERIES_PER_WRITE or host == hosts - 1:
            catalogue.find_or_make(waiting)
            total += len(waiting)
            waiting = []
    seconds = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE metrics_series, metrics_labelpair, metrics_metric")
    return total / seconds


def ask(question: Question, repetitions: int) -> str:
    """Return the question's row of the table."""
    from observability.metrics.selectors import parse_selector  # noqa: PLC0415
    from observability.metrics.store.selection import find_series  # noqa: PLC0415

    found = []

    def find(repetition: int) -> None:
        found.append(len(find_series(parse_selector(question.selector(repetition)))))

    first, median, worst = _times(find, repetitions)
    selector = question.selector(1).replace("|", "\\|")
    return (
        f"| {question.name} | `{selector}` | {statistics.median(found):,.0f} |"
        f" {first:.0f} | {median:.1f} | {worst:.1f} |"
    )


def ask_values(name: str, repetitions: int) -> str:
    """Return the row of the values of a label."""
    from observability.metrics.backend import get_backend  # noqa: PLC0415

    count = len(get_backend().label_values(name))
    first, median, worst = _times(lambda _: get_backend().label_values(name), repetitions)
    return (
        f"| values of a label | `{name}` | {count:,} | {first:.0f} | {median:.1f} | {worst:.1f} |"
    )


def _times(act: Callable[[int], object], repetitions: int) -> tuple[float, float, float]:
    """Return milliseconds: of the first call, and the median and largest of the others."""
    times = []
    for repetition in range(repetitions + 1):
        began = time.perf_counter()
        act(repetition)
        times.append((time.perf_counter() - began) * 1000)
    return times[0], statistics.median(times[1:]), max(times[1:])


def report(hosts: int, repetitions: int) -> Iterator[str]:
    """Measure and yield the lines of the section in docs/benchmarks.md."""
    import django  # noqa: PLC0415 (settings are ready only now)
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    from observability.metrics.models import Series  # noqa: PLC0415

    call_command("migrate", verbosity=0, skip_checks=True)
    made = (
        f"{register(hosts):,.0f} series a second were registered. "
        if not Series.objects.exists()
        else ""
    )
    load = os.getloadavg()[0]
    yield (
        f"`python -m benchmarks.selection` on {datetime.datetime.now(datetime.UTC):%d %B %Y}: {os.cpu_count()} cores;"
        f" load average before the questions {load:.1f}."
    )
    yield (
        f"{Series.objects.count():,} series of {hosts:,} hosts in the catalogue. {made}Each question is asked"
        f" {repetitions + 1} times, each time with other values: the first time in a process that has seen"
        " nothing of the metric yet, then warm. Milliseconds."
    )
    yield ""
    yield "| Question | Such as | Found | First | Median | Largest |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for question in QUESTIONS:
        yield ask(question, repetitions)
    for name in ("instance", "path", "__name__"):
        yield ask_values(name, repetitions)


def _write(lines: list[str]) -> None:
    """Put the lines into their section of docs/benchmarks.md, which is the last unless it is there."""
    text = _DOCS.read_text()
    section = "## Selection\n\n" + "\n".join(lines) + "\n"
    found = re.search(r"## Selection\n.*?(?=\n## |\Z)", text, re.DOTALL)
    _DOCS.write_text(
        text[: found.start()] + section + text[found.end() :]
        if found
        else text.rstrip("\n") + "\n\n" + section
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=HOSTS, help="200 series each")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument(
        "--data-dir", type=Path, help="a folder to keep, and to find series in again"
    )
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as folder:
        data_dir = arguments.data_dir or Path(folder)
        servers = start_servers(data_dir)
        try:
            os.environ |= {
                "DATA_DIR": str(data_dir),
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "DJANGO_SETTINGS_MODULE": "observability.settings",
            }
            lines = []
            for line in report(arguments.hosts, arguments.repetitions):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
                lines.append(line)
            if arguments.write:
                _write(lines)
        finally:
            servers.stop()


if __name__ == "__main__":
    main()
