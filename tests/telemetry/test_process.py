from __future__ import annotations

from pathlib import Path

from observability.telemetry.registry import collect_families
from tests.telemetry.processes import Process

REPORT = """
import os
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'observability.settings')
import django
django.setup()
from observability.telemetry.process import start_reporter
start_reporter({role!r})
start_reporter({role!r})
"""


def figures(folder: Path) -> dict[tuple[str, str], float]:
    """Return process figures by metric and role."""
    return {
        (sample.name, sample.labels["process"]): sample.value
        for family in collect_families(folder)
        for sample in family.samples
        if "process" in sample.labels and "generation" not in sample.labels
    }


def test_figures_of_a_role_add_up_over_its_running_processes(tmp_path: Path) -> None:
    processes = [Process(tmp_path, REPORT.format(role="web")) for _ in range(2)]
    for process in processes:
        process.wait_done()

    both = figures(tmp_path)
    processes.pop().kill()
    one = figures(tmp_path)

    assert (both["portal_processes", "web"], one["portal_processes", "web"]) == (2, 1)
    resident = "process_resident_memory_bytes", "web"
    assert both[resident] > 1.5 * one[resident] > 20_000_000
    processes.pop().kill()


def test_cpu_time_of_an_ended_process_stays_counted(tmp_path: Path) -> None:
    process = Process(tmp_path, REPORT.format(role="timely")).wait_done()
    running = figures(tmp_path)

    process.kill()
    ended = figures(tmp_path)

    cpu = "process_cpu_seconds_total", "timely"
    assert ended[cpu] >= running[cpu] > 0
    assert ("process_open_fds", "timely") not in ended
    assert running["process_start_time_seconds", "timely"] > 1.6e9


def test_forked_process_reports_once_it_starts_its_own_reporter(tmp_path: Path) -> None:
    fork = """
    reader, writer = os.pipe()
    if not os.fork():
        start_reporter('web')
        os.write(writer, b'x')
        time.sleep(90)
    os.read(reader, 1)
    """
    process = Process(tmp_path, REPORT.format(role="web") + fork.replace("\n    ", "\n"))

    process.wait_done()

    assert figures(tmp_path)["portal_processes", "web"] == 2
    process.kill()
