"""This host, in node_exporter's names, so that public dashboards and rules work on it.

Names, labels, types, help texts and filters are node_exporter 1.5's.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from observability.metrics.collectors import procfs
from observability.metrics.collectors.families import Family, counter, gauge, labelled
from observability.metrics.collectors.mounts import Mount, MountReader
from observability.metrics.samples import MetricType

_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_MODES = {"user": "guest", "nice": "guest_nice"}
_LOOPBACKS = frozenset({"lo", "lo0"})
_NETWORK_FIELDS = {
    "receive_bytes": "bytes_recv",
    "receive_packets": "packets_recv",
    "receive_errs": "errin",
    "receive_drop": "dropin",
    "transmit_bytes": "bytes_sent",
    "transmit_packets": "packets_sent",
    "transmit_errs": "errout",
    "transmit_drop": "dropout",
}


class HostCollector:
    """Reads the figures of this host."""

    def __init__(self) -> None:
        self._mounts = MountReader()

    def __call__(self) -> list[Family]:
        """Return all families; what this system does not tell is not among them."""
        return [
            *_cpus(),
            *_load(),
            *_networks(),
            *_filesystems(self._mounts.mounts()),
            *_system(),
            *(procfs.collect() if sys.platform == "linux" else _memory()),
        ]


def _cpus() -> Iterator[Family]:
    times = [({"cpu": str(i)}, t) for i, t in enumerate(psutil.cpu_times(percpu=True))]
    yield labelled(
        "node_cpu_seconds_total",
        MetricType.COUNTER,
        "Seconds the CPUs spent in each mode.",
        [
            ({**cpu, "mode": mode}, getattr(spent, mode))
            for cpu, spent in times
            for mode in _CPU_MODES
            if hasattr(spent, mode)
        ],
    )
    yield labelled(
        "node_cpu_guest_seconds_total",
        MetricType.COUNTER,
        "Seconds the CPUs spent in guests (VMs) for each mode.",
        [
            ({**cpu, "mode": mode}, getattr(spent, field))
            for cpu, spent in times
            for mode, field in _GUEST_MODES.items()
            if hasattr(spent, field)
        ],
    )


def _load() -> Iterator[Family]:
    for minutes, value in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield gauge(f"node_load{minutes}", f"{minutes}m load average.", value)


def _networks() -> Iterator[Family]:
    # nowrap would hide that a device came back with its counts at zero.
    devices = psutil.net_io_counters(pernic=True, nowrap=False)
    for name, field in _NETWORK_FIELDS.items():
        yield labelled(
            f"node_network_{name}_total",
            MetricType.COUNTER,
            f"Network device statistic {name}.",
            [
                ({"device": device}, float(getattr(counts, field)))
                for device, counts in devices.items()
                if device not in _LOOPBACKS
            ],
        )


def _filesystems(mounts: list[Mount]) -> Iterator[Family]:
    told = [(mount, mount.space) for mount in mounts if mount.space is not None]
    figures: dict[str, tuple[str, Callable[[os.statvfs_result], int]]] = {
        "size_bytes": ("Filesystem size in bytes.", lambda s: s.f_blocks * s.f_frsize),
        "free_bytes": ("Filesystem free space in bytes.", lambda s: s.f_bfree * s.f_frsize),
        "avail_bytes": (
            "Filesystem space available to non-root users in bytes.",
            lambda s: s.f_bavail * s.f_frsize,
        ),
        "files": ("Filesystem total file nodes.", lambda s: s.f_files),
        "files_free": ("Filesystem total free file nodes.", lambda s: s.f_ffree),
    }
    for name, (help_text, figure) in figures.items():
        yield labelled(
            f"node_filesystem_{name}",
            MetricType.GAUGE,
            help_text,
            [(_mount_labels(mount), float(figure(space))) for mount, space in told],
        )
    yield labelled(
        "node_filesystem_readonly",
        MetricType.GAUGE,
        "Filesystem read-only status.",
        [(_mount_labels(mount), float(mount.is_readonly)) for mount, _ in told],
    )
    yield labelled(
        "node_filesystem_device_error",
        MetricType.GAUGE,
        "Whether an error occurred while getting statistics for the given device.",
        [(_mount_labels(mount), float(mount.space is None)) for mount in mounts],
    )


def _mount_labels(mount: Mount) -> dict[str, str]:
    return {"device": mount.device, "fstype": mount.fs_type, "mountpoint": mount.mount_point}


def _system() -> Iterator[Family]:
    yield gauge(
        "node_boot_time_seconds", "Node boot time, in unixtime.", float(int(psutil.boot_time()))
    )
    yield gauge("node_time_seconds", "System time in seconds since epoch (1970).", time.time())
    name = os.uname()
    labels = {
        "sysname": name.sysname,
        "release": name.release,
        "version": name.version,
        "machine": name.machine,
        "nodename": name.nodename,
        "domainname": _domain_name(),
    }
    yield labelled(
        "node_uname_info",
        MetricType.GAUGE,
        "Labeled system information as provided by the uname system call.",
        [(labels, 1.0)],
    )


def _domain_name() -> str:
    try:
        return Path("/proc/sys/kernel/domainname").read_text(encoding="utf-8").strip()
    except OSError:
        return "(none)"


def _memory() -> Iterator[Family]:
    """Yield node_exporter's names on macOS and BSD, as far as psutil knows the figures."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    figures = {
        "total": memory.total,
        "free": memory.free,
        "active": memory.active,
        "inactive": memory.inactive,
        "wired": getattr(memory, "wired", 0),
        "swap_total": swap.total,
        "swap_used": swap.used,
    }
    for name, value in figures.items():
        full_name = f"{name}_bytes"
        yield gauge(
            f"node_memory_{full_name}", f"Memory information field {full_name}.", float(value)
        )
    for name, value in (("in", swap.sin), ("out", swap.sout)):
        full_name = f"swapped_{name}_bytes_total"
        yield counter(
            f"node_memory_{full_name}", f"Memory information field {full_name}.", float(value)
        )
