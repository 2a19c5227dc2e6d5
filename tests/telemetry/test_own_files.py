from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from observability.telemetry.own_files import Folder
from observability.telemetry.registry import collect_families
from observability.telemetry.version import VERSION
from tests.telemetry.processes import Process, run

COUNT = "Counter('jobs', 'Jobs.').inc({})"


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.kill()


def value(folder: Path, name: str, **labels: str) -> float | None:
    found = [
        sample.value
        for family in collect_families(folder)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_counters_of_living_and_dead_processes_add_up(
    tmp_path: Path, processes: list[Process]
) -> None:
    processes.append(Process(tmp_path, COUNT.format(2)).wait_done())
    run(tmp_path, COUNT.format(40))

    assert value(tmp_path, "jobs_total") == 42


def test_merging_changes_no_counter(tmp_path: Path, processes: list[Process]) -> None:
    processes.append(Process(tmp_path, COUNT.format(2)).wait_done())
    run(tmp_path, COUNT.format(40))

    merged = Folder(tmp_path).merge_dead()

    assert merged == 1
    assert value(tmp_path, "jobs_total") == 42


def test_merging_twice_counts_once(tmp_path: Path) -> None:
    run(tmp_path, COUNT.format(40))
    Folder(tmp_path).merge_dead()
    run(tmp_path, COUNT.format(2))

    Folder(tmp_path).merge_dead()
    Folder(tmp_path).merge_dead()

    assert value(tmp_path, "jobs_total") == 42


def test_files_of_dead_processes_do_not_pile_up(tmp_path: Path) -> None:
    for _ in range(3):
        run(tmp_path, COUNT.format(1))

    Folder(tmp_path).merge_dead()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.json", "folder.flock"]


def test_files_of_living_processes_are_left_alone(tmp_path: Path, processes: list[Process]) -> None:
    processes.append(Process(tmp_path, COUNT.format(1)).wait_done())
    before = sorted(tmp_path.glob("*.db"))

    merged = Folder(tmp_path).merge_dead()

    assert merged == 0
    assert sorted(tmp_path.glob("*.db")) == before


@pytest.mark.parametrize(
    ("interrupted", "kept"),
    [
        pytest.param("os.fsync", True, id="while the archive is written"),
        pytest.param("os.rename", True, id="before the archive is replaced"),
        pytest.param("os.unlink", False, id="before the merged files are removed"),
    ],
)
def test_merger_killed_midway_loses_and_doubles_nothing(
    tmp_path: Path, interrupted: str, kept: bool
) -> None:
    run(tmp_path, COUNT.format(40))
    Folder(tmp_path).merge_dead()
    run(tmp_path, COUNT.format(2))
    merger = Process(
        tmp_path,
        f"""
        def die(event, arguments):
            if event == {interrupted.replace("unlink", "remove")!r}:
                os.kill(os.getpid(), signal.SIGKILL)
        if {interrupted!r} == 'os.fsync':
            os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        Folder(__import__('pathlib').Path({str(tmp_path)!r})).merge_dead()
        """,
    )

    exit_code = merger.wait_end()

    assert exit_code == -signal.SIGKILL
    assert value(tmp_path, "jobs_total") == 42
    Folder(tmp_path).merge_dead()
    assert value(tmp_path, "jobs_total") == 42
    assert list(tmp_path.glob("*.db")) == []


def test_gauges_of_running_processes_end_with_them(
    tmp_path: Path, processes: list[Process]
) -> None:
    code = "Gauge('rooms', 'Rooms.', multiprocess_mode='livesum').set({})"
    processes.append(Process(tmp_path, code.format(2)).wait_done())
    run(tmp_path, code.format(40))

    assert value(tmp_path, "rooms") == 2


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("max", 40), ("min", 2), ("sum", 42), ("mostrecent", 2)],
)
@pytest.mark.parametrize("merges", [False, True], ids=["as files", "merged"])
def test_gauges_that_outlive_their_process_are_combined_by_mode(
    tmp_path: Path, mode: str, expected: float, merges: bool
) -> None:
    for number in (40, 2):
        run(tmp_path, f"Gauge('rooms', 'Rooms.', multiprocess_mode={mode!r}).set({number})")
        if merges:
            Folder(tmp_path).merge_dead()

    assert value(tmp_path, "rooms") == expected


def test_gauge_of_every_process_names_those_that_run(
    tmp_path: Path, processes: list[Process]
) -> None:
    code = "Gauge('rooms', 'Rooms.', multiprocess_mode='all').set(7)"
    processes.append(Process(tmp_path, code).wait_done())
    run(tmp_path, code)

    [family] = collect_families(tmp_path)

    assert [sample.labels["pid"].partition("-")[0] for sample in family.samples] == [
        str(processes[0].pid)
    ]


def test_most_recent_gauge_that_nobody_has_set_is_absent(
    tmp_path: Path, processes: list[Process]
) -> None:
    code = "Gauge('rooms', 'Rooms.', multiprocess_mode='livemostrecent')"
    processes.append(Process(tmp_path, code).wait_done())

    assert value(tmp_path, "rooms") is None


def test_histograms_of_several_processes_stay_cumulative(tmp_path: Path) -> None:
    code = """
    histogram = Histogram('waits', 'Waits.', buckets=(1, 2))
    for wait in (0.5, 1.5, 9):
        histogram.observe(wait)
    """
    run(tmp_path, code)
    Folder(tmp_path).merge_dead()
    run(tmp_path, code)

    [family] = collect_families(tmp_path)

    assert [(s.name, s.labels.get("le"), s.value) for s in family.samples] == [
        ("waits_bucket", "1.0", 2),
        ("waits_bucket", "2.0", 4),
        ("waits_bucket", "+Inf", 6),
        ("waits_count", None, 6),
        ("waits_sum", None, 22),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 4096, b"\xff" * 4096], ids=["empty", "zero", "noise"]
)
def test_damaged_file_spoils_nothing_else(tmp_path: Path, content: bytes) -> None:
    run(tmp_path, COUNT.format(42))
    (tmp_path / "counter_1-dead.db").write_bytes(content)

    before = value(tmp_path, "jobs_total")
    Folder(tmp_path).merge_dead()

    assert before == 42
    assert value(tmp_path, "jobs_total") == 42
    assert list(tmp_path.glob("*.db")) == []


DAMAGED = [
    b"",
    b"\x00" * 4096,
    b'{"values":{"counter":{"',
    b'{"values":{"counter":{"a":[null,0]}}}',
]


@pytest.mark.parametrize("content", DAMAGED, ids=["empty", "zero", "half", "null"])
def test_damaged_archive_is_put_aside_and_counting_goes_on(
    tmp_path: Path, capture_logs: list[dict[str, object]], content: bytes
) -> None:
    (tmp_path / "archive.json").write_bytes(content)
    os.utime(tmp_path / "archive.json", (0, 0))
    run(tmp_path, COUNT.format(42))

    before = value(tmp_path, "jobs_total")
    Folder(tmp_path).merge_dead()

    assert before == value(tmp_path, "jobs_total") == 42
    assert (tmp_path / "archive.json.damaged").read_bytes() == content
    assert time.time() - (Folder(tmp_path).damaged_at() or 0.0) < 60
    assert [event["log_level"] for event in capture_logs] == ["error"]


def test_file_whose_keys_are_not_whole_spoils_nothing_else(tmp_path: Path) -> None:
    run(tmp_path, COUNT.format(42))
    run(tmp_path, "Gauge('rooms', 'Rooms.', multiprocess_mode='max').set(7)")
    (file,) = tmp_path.glob("gauge_*.db")
    file.write_bytes(file.read_bytes().replace(b'["rooms', b"\x00" * 7))

    before = value(tmp_path, "jobs_total")
    Folder(tmp_path).merge_dead()

    assert before == value(tmp_path, "jobs_total") == 42


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_numbers_that_json_does_not_know_survive_merging(tmp_path: Path, number: str) -> None:
    run(
        tmp_path,
        f"""
        Gauge('rooms', 'Rooms.', multiprocess_mode='max').set(float({number!r}))
        Histogram('waits', 'Waits.', buckets=(1, 2)).observe(float({number!r}))
        Counter('jobs', 'Jobs.').inc(42)
        """,
    )

    for _ in range(2):
        Folder(tmp_path).merge_dead()
        run(tmp_path, COUNT.format(0))

    assert [str(value(tmp_path, name)) for name in ("rooms", "waits_sum")] == [number, number]
    assert value(tmp_path, "jobs_total") == 42


def test_new_release_starts_anew_without_metrics_of_the_old_one(
    tmp_path: Path, processes: list[Process]
) -> None:
    run(tmp_path, "Counter('errands', 'Of the old release.').inc()")
    Folder(tmp_path).merge_dead()
    run(tmp_path, "Counter('errands', 'Of the old release.').inc()")
    archive = tmp_path / "archive.json"
    archive.write_bytes(archive.read_bytes().replace(VERSION.encode(), b"0.0.0"))
    processes.append(Process(tmp_path, COUNT.format(2)).wait_done())

    Folder(tmp_path).merge_dead()

    assert value(tmp_path, "errands_total") is None
    assert value(tmp_path, "jobs_total") == 2
    processes.pop().kill()
    Folder(tmp_path).merge_dead()
    assert value(tmp_path, "jobs_total") == 2


def test_counter_never_falls_while_processes_come_and_go(tmp_path: Path) -> None:
    crowd = Process(
        tmp_path,
        """
        counter = Counter('jobs', 'Jobs.')
        for _ in range(40):
            if not os.fork():
                for _ in range(50):
                    counter.inc()
                os.kill(os.getpid(), signal.SIGKILL)
            if _ % 4 == 3:
                os.wait()
        """,
    )
    readings = [0.0]
    folder = Folder(tmp_path)

    while readings[-1] < 2000:
        readings.append(value(tmp_path, "jobs_total") or 0.0)
        folder.merge_dead()
    crowd.wait_done().kill()
    folder.merge_dead()

    assert readings == sorted(readings)
    assert value(tmp_path, "jobs_total") == 2000


def test_scrape_merges_by_itself_when_many_have_died(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        counter = Counter('jobs', 'Jobs.')
        for _ in range(60):
            if not os.fork():
                counter.inc()
                os._exit(0)
            os.wait()
        """,
    )

    assert value(tmp_path, "jobs_total") == 60
    assert list(tmp_path.glob("*.db")) == []
