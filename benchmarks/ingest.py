"""How fast remote write is taken: the portal beside Prometheus, with the same bodies.

Run it as `python -m benchmarks.ingest`; `--write` puts the table into docs/benchmarks.md.
Two connections send bodies one after the other, each waiting for its answer. CPU is that of
all processes of the system, the senders' apart.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil

from benchmarks.bodies import Fleet
from benchmarks.systems import KEY, PROJECT_DIR, System, portal, prometheus

CONNECTIONS = 2
SERIES = 20_000
REPORT = PROJECT_DIR / "docs" / "benchmarks.md"
_HEADING = "## Ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one system did with one load."""

    system: str
    body_samples: int
    samples: int
    seconds: float
    cpu_seconds: float
    memory_bytes: int

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.samples / self.seconds

    @property
    def cpu_a_million(self) -> float:
        """CPU-seconds for a million samples."""
        return self.cpu_seconds / self.samples * 1e6


def send(port: int, bodies: Iterable[bytes]) -> None:
    """Post bodies over one connection, each after the answer to the one before.

    Raises:
        SystemExit: An answer is not 2xx.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = (
            f"POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
            "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
            "X-Prometheus-Remote-Write-Version: 0.1.0\r\nUser-Agent: benchmark\r\nContent-Length: "
        ).encode()
        for body in bodies:
            connection.sendall(head + b"%d\r\n\r\n" % len(body) + body)
            # Answers of success have no body.
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                part = connection.recv(65536)
                answer += part
                if not part or not answer.startswith(b"HTTP/1.1 2"[: len(answer)]):
                    raise SystemExit(f"refused: {answer.decode()}")


def load(system: System, bodies: list[list[list[bytes]]]) -> tuple[float, float]:
    """Send all rounds of each connection; return the seconds they took and the CPU-seconds of the system."""
    context = multiprocessing.get_context("fork")
    start: Barrier = context.Barrier(len(bodies) + 1)

    def run(rounds: list[list[bytes]]) -> None:
        start.wait()
        send(system.port, [body for one in rounds for body in one])

    senders = [context.Process(target=run, args=(rounds,)) for rounds in bodies]
    for sender in senders:
        sender.start()
    cpu_before = system.cpu_seconds()
    start.wait()
    started = time.perf_counter()
    for sender in senders:
        sender.join()
    seconds = time.perf_counter() - started
    if any(sender.exitcode for sender in senders):
        raise SystemExit(f"{system.name} refused a body")
    return seconds, system.cpu_seconds() - cpu_before


def measure(
    start: Callable[[], AbstractContextManager[System]], *, body_samples: int, rounds: int
) -> Outcome:
    """Start a system, let it see all series and come to rest, then load it."""
    fleet = Fleet(series_count=SERIES)
    start_ms = int(time.time() * 1000) - (rounds + 2) * 15_000
    bodies = fleet.rounds(
        start_ms=start_ms, count=rounds + 2, body_samples=body_samples, connections=CONNECTIONS
    )
    with start() as system:
        load(system, [of_connection[:2] for of_connection in bodies])
        system.wait_until_idle()
        seconds, cpu_seconds = load(system, [of_connection[2:] for of_connection in bodies])
        return Outcome(
            system=system.name,
            body_samples=body_samples,
            samples=SERIES * rounds,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            memory_bytes=system.memory_bytes(),
        )


def table(outcomes: Sequence[Outcome], load_before: float) -> str:
    """Return the outcomes in Markdown, with the machine and the date."""
    rates = {(o.body_samples, o.system): o.rate for o in outcomes}
    lines = [
        _HEADING,
        "",
        f"`python -m benchmarks.ingest` on {datetime.datetime.now(datetime.UTC):%d %B %Y}: {machine()}, Prometheus {_prometheus_version()};"
        f" load average before the run {load_before:.1f}.",
        f"{SERIES:,} series, {CONNECTIONS} connections; the portal is the whole of `make run`, durable before it answers.",
        "",
        "| Samples a body | System | Samples a second | To Prometheus | CPU-seconds a million | Memory |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {o.body_samples:,} | {o.system} | {o.rate:,.0f} |"
        f" {o.rate / rates.get((o.body_samples, 'Prometheus'), o.rate):.2f} |"
        f" {o.cpu_a_million:.1f} | {o.memory_bytes / 2**20:,.0f} MB |"
        for o in outcomes
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Return what this runs on, in a few words."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores ({cpu}), {memory:.0f} GB"


def _prometheus_version() -> str:
    version = subprocess.run(
        [shutil.which("prometheus") or "prometheus", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    return (version.stdout or version.stderr).split()[2]


def write_report(section: str) -> None:
    """Put a section in the place of the one before it with the same heading, or at the end."""
    heading = section.partition("\n")[0]
    before, found, rest = REPORT.read_text().partition(f"{heading}\n")
    _, _, after = rest.partition("\n## ")
    REPORT.write_text(
        (before if found else f"{before.rstrip()}\n\n")
        + section
        + (f"\n## {after}" if after else "")
    )


def main() -> None:
    """Measure both systems, with small and with large bodies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="samples of each series")
    parser.add_argument("--bodies", type=int, nargs="+", default=[500, 5000], help="samples a body")
    parser.add_argument("--only", choices=["portal", "prometheus"])
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    # Ends the systems too, not only this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    load_before = psutil.getloadavg()[0]
    systems = {"prometheus": prometheus, "portal": portal}
    outcomes = [
        measure(start, body_samples=body_samples, rounds=min(arguments.rounds, 1000))
        for body_samples in arguments.bodies
        for name, start in systems.items()
        if arguments.only in {None, name}
    ]
    text = table(outcomes, load_before)
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


if __name__ == "__main__":
    main()
