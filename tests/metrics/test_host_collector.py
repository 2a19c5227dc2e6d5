from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from observability.metrics.collectors import procfs
from observability.metrics.collectors.families import Family
from observability.metrics.collectors.host import HostCollector

Value = tuple[str, dict[str, str], float]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def values(families: Iterable[Family]) -> list[Value]:
    return [(name, dict(labels), value) for f in families for name, labels, value in f.samples]


def test_host_has_the_families_that_dashboards_ask_for() -> None:
    names = {family.name for family in HostCollector()() if family.samples}

    assert names >= {
        "node_cpu_seconds_total",
        "node_memory_MemTotal_bytes",
        "node_memory_MemAvailable_bytes",
        "node_network_receive_bytes_total",
        "node_load1",
        "node_load5",
        "node_load15",
        "node_boot_time_seconds",
        "node_time_seconds",
        "node_uname_info",
        "node_context_switches_total",
        "node_procs_running",
        "node_filefd_allocated",
        "node_vmstat_pgfault",
    }


def test_no_series_comes_twice() -> None:
    series = [
        (name, tuple(sorted(labels.items()))) for name, labels, _ in values(HostCollector()())
    ]

    assert len(series) == len(set(series))


def test_every_sample_has_the_name_of_its_family() -> None:
    families = HostCollector()()

    assert {(f.name, name) for f in families for name, _, _ in f.samples if name != f.name} == set()


def test_loopback_is_left_out_of_traffic() -> None:
    devices = {
        labels["device"]
        for name, labels, _ in values(HostCollector()())
        if name == "node_network_receive_bytes_total"
    }

    assert "lo" not in devices


def test_memory_is_in_bytes_and_counts_are_not() -> None:
    lines = ["MemTotal:       2 kB", "Active(anon):   1 kB", "HugePages_Total:       3"]

    assert values(procfs.memory(lines)) == [
        ("node_memory_MemTotal_bytes", {}, 2048),
        ("node_memory_Active_anon_bytes", {}, 1024),
        ("node_memory_HugePages_Total", {}, 3),
    ]


def test_disks_are_in_bytes_and_seconds_without_partitions() -> None:
    lines = [
        "   8  0 sda 10 1 20 3000 40 5 60 7000 1 9000 10000",
        "   8  1 sda1 10 1 20 3000 40 5 60 7000 1 9000 10000",
        "   7  0 loop0 0 0 0 0 0 0 0 0 0 0 0",
    ]

    found = {name: (labels, value) for name, labels, value in values(procfs.disks(lines))}

    sda = {"device": "sda"}
    assert found["node_disk_reads_completed_total"] == (sda, 10)
    assert found["node_disk_read_bytes_total"] == (sda, 20 * 512)
    assert found["node_disk_read_time_seconds_total"] == (sda, 3)
    assert found["node_disk_written_bytes_total"] == (sda, 60 * 512)
    assert found["node_disk_io_now"] == (sda, 1)
    assert found["node_disk_io_time_seconds_total"] == (sda, 9)
    assert found["node_disk_io_time_weighted_seconds_total"] == (sda, 10)
    assert "node_disk_discards_completed_total" not in found


def test_socket_memory_is_given_in_pages_and_bytes() -> None:
    lines = ["sockets: used 7", "TCP: inuse 2 mem 3"]

    found = {name: value for name, _, value in values(procfs.sockstat(lines))}

    assert found["node_sockstat_sockets_used"] == 7
    assert found["node_sockstat_TCP_inuse"] == 2
    assert found["node_sockstat_TCP_mem_bytes"] % found["node_sockstat_TCP_mem"] == 0


def test_files_that_a_container_hides_yield_nothing(tmp_path: Path) -> None:
    assert values(procfs.collect(tmp_path)) == []
