"""Our host collector beside the real node_exporter, on the same machine at the same moment."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from observability.metrics.collectors.families import Family
from observability.metrics.collectors.host import HostCollector
from observability.metrics.collectors.mounts import FS_TYPES_EXCLUDE, MOUNT_POINTS_EXCLUDE
from observability.metrics.collectors.procfs import DISK_EXCLUDE

BINARY = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        BINARY is None, reason="no node_exporter (Debian: prometheus-node-exporter)"
    ),
]

Series = tuple[str, frozenset[tuple[str, str]]]

# What hardly moves between the two readings, with the relative difference that is allowed.
STEADY = {
    "node_boot_time_seconds": 1e-9,
    "node_time_seconds": 1e-6,
    "node_memory_MemTotal_bytes": 0,
    "node_memory_MemAvailable_bytes": 0.2,
    "node_memory_SwapTotal_bytes": 0,
    "node_filesystem_size_bytes": 0,
    "node_filesystem_files": 0,
    "node_filesystem_avail_bytes": 0.05,
    "node_filesystem_readonly": 0,
    "node_cpu_seconds_total": 0.05,
    "node_disk_reads_completed_total": 0.05,
    "node_disk_written_bytes_total": 0.05,
    "node_disk_io_time_seconds_total": 0.05,
    "node_network_receive_bytes_total": 0.05,
    "node_network_up": 0,
    "node_network_speed_bytes": 0,
    "node_filefd_maximum": 0,
    "node_context_switches_total": 0.05,
    "node_intr_total": 0.05,
    "node_forks_total": 0.05,
    "node_netstat_Tcp_InSegs": 0.05,
    "node_vmstat_pgfault": 0.05,
    "node_uname_info": 0,
}


class Exporter:
    """What one answer of node_exporter says."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.values: dict[Series, float] = {
            _series(sample.name, sample.labels): sample.value
            for family in families
            for sample in family.samples
        }
        self.about: dict[str, tuple[str, str]] = {
            sample.name: (family.type, family.documentation)
            for family in families
            for sample in family.samples
        }


def _series(name: str, labels: Mapping[str, str]) -> Series:
    # An empty label value is the same as no label.
    return name, frozenset((k, v) for k, v in labels.items() if v)


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    """A running node_exporter with the filters of its makers, not of its packagers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            str(BINARY),
            f"--web.listen-address={address}",
            f"--collector.filesystem.mount-points-exclude={MOUNT_POINTS_EXCLUDE}",
            f"--collector.filesystem.fs-types-exclude={FS_TYPES_EXCLUDE}",
            f"--collector.diskstats.device-exclude={DISK_EXCLUDE}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}/metrics"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def readings(exporter: str) -> tuple[Exporter, list[Family]]:
    """Both answers, taken within a moment."""
    collect = HostCollector()
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(exporter, timeout=10) as response:
                text = response.read().decode()
            return Exporter(text), collect()
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "node_exporter does not start"
            time.sleep(0.05)


def test_every_series_of_ours_exists_there(readings: tuple[Exporter, list[Family]]) -> None:
    theirs, ours = readings

    missing = [
        (name, dict(labels))
        for family in ours
        for name, labels, _ in family.samples
        if _series(name, labels) not in theirs.values
    ]

    assert missing == []


def test_type_and_help_are_the_same(readings: tuple[Exporter, list[Family]]) -> None:
    theirs, ours = readings

    different = [
        (family.name, (family.type.value, family.help), theirs.about[family.name])
        for family in ours
        if family.samples and theirs.about[family.name] != (family.type.value, family.help)
    ]

    assert different == []


@pytest.mark.parametrize("name", STEADY)
def test_values_agree(readings: tuple[Exporter, list[Family]], name: str) -> None:
    theirs, ours = readings
    expected = {key: value for key, value in theirs.values.items() if key[0] == name}

    actual = {
        _series(sample_name, labels): value
        for family in ours
        if family.name == name
        for sample_name, labels, value in family.samples
    }

    assert set(actual) == {
        key for key in expected if ("device", "lo") not in key[1] or key in actual
    }
    for key, value in actual.items():
        assert value == pytest.approx(expected[key], rel=STEADY[name], abs=3 if STEADY[name] else 0)
