"""What Linux says under /proc and /sys, for which psutil has no words.

Names, labels, types and help texts are node_exporter 1.5's. A file that this kernel or container
does not show yields nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from observability.metrics.collectors.families import Family, gauge, labelled
from observability.metrics.samples import MetricType

DISK_EXCLUDE = r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
_SECTOR_BYTES = 512  # what /proc/diskstats counts in, whatever the device has

# The fields of /proc/diskstats that follow the name of the device, with what they are multiplied by.
_DISK_FIELDS: tuple[tuple[str, MetricType, float, str], ...] = (
    ("reads_completed_total", MetricType.COUNTER, 1, "The total number of reads completed successfully."),
    ("reads_merged_total", MetricType.COUNTER, 1, "The total number of reads merged."),
    ("read_bytes_total", MetricType.COUNTER, _SECTOR_BYTES, "The total number of bytes read successfully."),
    ("read_time_seconds_total", MetricType.COUNTER, 0.001, "The total number of seconds spent by all reads."),
    ("writes_completed_total", MetricType.COUNTER, 1, "The total number of writes completed successfully."),
    ("writes_merged_total", MetricType.COUNTER, 1, "The number of writes merged."),
    ("written_bytes_total", MetricType.COUNTER, _SECTOR_BYTES, "The total number of bytes written successfully."),
    ("write_time_seconds_total", MetricType.COUNTER, 0.001, "This is the total number of seconds spent by all writes."),
    ("io_now", MetricType.GAUGE, 1, "The number of I/Os currently in progress."),
    ("io_time_seconds_total", MetricType.COUNTER, 0.001, "Total seconds spent doing I/Os."),
    ("io_time_weighted_seconds_total", MetricType.COUNTER, 0.001, "The weighted # of seconds spent doing I/Os."),
    ("discards_completed_total", MetricType.COUNTER, 1, "The total number of discards completed successfully."),
    ("discards_merged_total", MetricType.COUNTER, 1, "The total number of discards merged."),
    ("discarded_sectors_total", MetricType.COUNTER, 1, "The total number of sectors discarded successfully."),
    ("discard_time_seconds_total", MetricType.COUNTER, 0.001, "This is the total number of seconds spent by all discards."),
    ("flush_requests_total", MetricType.COUNTER, 1, "The total number of flush requests completed successfully"),
    ("flush_requests_time_seconds_total", MetricType.COUNTER, 0.001, "This is the total number of seconds spent by all flush requests."),
)  # fmt: skip
_STAT_FIELDS = {
    "ctxt": ("node_context_switches_total", MetricType.COUNTER, "Total number of context switches."),
    "intr": ("node_intr_total", MetricType.COUNTER, "Total number of interrupts serviced."),
    "processes": ("node_forks_total", MetricType.COUNTER, "Total number of forks."),
    "procs_running": ("node_procs_running", MetricType.GAUGE, "Number of processes in runnable state."),
    "procs_blocked": ("node_procs_blocked", MetricType.GAUGE, "Number of processes blocked waiting for I/O to complete."),
}  # fmt: skip
_VMSTAT_FIELDS = re.compile(r"^(oom_kill|pgpg|pswp|pg.*fault).*")
_NETSTAT_FIELDS = re.compile(
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
_NETSTAT6_NAME = re.compile(r"(?P<protocol>[^6]+6)(?P<field>.+)")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def collect(root: Path = Path("/")) -> Iterator[Family]:
    """Yield the families that only Linux has.

    Args:
        root: Where /proc and /sys are.
    """
    proc = root / "proc"
    yield from memory(_lines(proc / "meminfo"))
    yield from stat(_lines(proc / "stat"))
    yield from disks(_lines(proc / "diskstats"))
    yield from vmstat(_lines(proc / "vmstat"))
    yield from netstat(_lines(proc / "net/netstat") + _lines(proc / "net/snmp"))
    yield from netstat6(_lines(proc / "net/snmp6"))
    yield from sockstat(_lines(proc / "net/sockstat") + _lines(proc / "net/sockstat6"))
    yield from file_descriptors(_lines(proc / "sys/fs/file-nr"))
    yield from interfaces(root / "sys/class/net")


def memory(lines: list[str]) -> Iterator[Family]:
    """Yield all of /proc/meminfo, kilobytes as bytes."""
    for line in lines:
        field, _, rest = line.partition(":")
        value, *unit = rest.split()
        name = re.sub(r"\((.*)\)", r"_\1", field) + ("_bytes" if unit else "")
        yield gauge(
            f"node_memory_{name}",
            f"Memory information field {name}.",
            float(value) * (1024 if unit else 1),
        )


def stat(lines: list[str]) -> Iterator[Family]:
    """Yield the system-wide counts of /proc/stat."""
    for line in lines:
        field, *values = line.split()
        if field in _STAT_FIELDS:
            name, type_, help_text = _STAT_FIELDS[field]
            yield labelled(name, type_, help_text, [({}, float(values[0]))])


def disks(lines: list[str]) -> Iterator[Family]:
    """Yield /proc/diskstats, partitions and RAM disks left out."""
    excluded = re.compile(DISK_EXCLUDE)
    rows = [line.split()[2:] for line in lines]
    rows = [row for row in rows if not excluded.match(row[0])]
    for position, (name, type_, factor, help_text) in enumerate(_DISK_FIELDS, start=1):
        values = [
            ({"device": row[0]}, float(row[position]) * factor)
            for row in rows
            if position < len(row)  # older kernels tell less
        ]
        if values:
            yield labelled(f"node_disk_{name}", type_, help_text, values)


def vmstat(lines: list[str]) -> Iterator[Family]:
    """Yield paging and out-of-memory counts of /proc/vmstat."""
    for line in lines:
        field, value = line.split()
        if _VMSTAT_FIELDS.match(field):
            yield _untyped(
                f"node_vmstat_{field}", f"/proc/vmstat information field {field}.", value
            )


def netstat(lines: list[str]) -> Iterator[Family]:
    """Yield TCP, UDP, IP and ICMP counts, given as pairs of lines: names, then values."""
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        protocol, *fields = names.replace(":", "").split()
        for field, value in zip(fields, values.split()[1:], strict=False):
            yield from _netstat(protocol, field, value)


def netstat6(lines: list[str]) -> Iterator[Family]:
    """Yield the same for IPv6, given as one name and value a line."""
    for line in lines:
        name, value = line.split()
        match = _NETSTAT6_NAME.fullmatch(name)
        if match is not None:
            yield from _netstat(match["protocol"], match["field"], value)


def _netstat(protocol: str, field: str, value: str) -> Iterator[Family]:
    if _NETSTAT_FIELDS.match(f"{protocol}_{field}"):
        yield _untyped(f"node_netstat_{protocol}_{field}", f"Statistic {protocol}{field}.", value)


def sockstat(lines: list[str]) -> Iterator[Family]:
    """Yield how many sockets of each kind are in use, and their memory."""
    for line in lines:
        protocol, _, rest = line.partition(": ")
        words = rest.split()
        for state, value in zip(words[::2], words[1::2], strict=True):
            if protocol == "sockets":
                yield gauge(
                    "node_sockstat_sockets_used", "Number of IPv4 sockets in use.", float(value)
                )
                continue
            yield _sockstat(protocol, state, float(value))
            if state == "mem":
                yield _sockstat(protocol, "mem_bytes", float(value) * _PAGE_BYTES)


def _sockstat(protocol: str, state: str, value: float) -> Family:
    return gauge(
        f"node_sockstat_{protocol}_{state}",
        f"Number of {protocol} sockets in state {state}.",
        value,
    )


def file_descriptors(lines: list[str]) -> Iterator[Family]:
    """Yield open files of the whole system and their limit."""
    for line in lines:
        allocated, _, maximum = line.split()
        statistics = {"allocated": allocated, "maximum": maximum}
        for name, value in statistics.items():
            help_text = f"File descriptor statistics: {name}."
            yield gauge(f"node_filefd_{name}", help_text, float(value))


def interfaces(folder: Path) -> Iterator[Family]:
    """Yield whether network devices are up and how fast their link is."""
    up: list[tuple[dict[str, str], float]] = []
    speed: list[tuple[dict[str, str], float]] = []
    for device in sorted(folder.glob("*")):
        labels = {"device": device.name}
        up += [(labels, float(state == "up")) for state in _lines(device / "operstate")]
        # Megabits a second; unreadable for devices that have no link.
        speed += [(labels, float(text) * 1e6 / 8) for text in _lines(device / "speed")]
    yield labelled(
        "node_network_up", MetricType.GAUGE, "Value is 1 if operstate is 'up', 0 otherwise.", up
    )
    yield labelled(
        "node_network_speed_bytes", MetricType.GAUGE, "Network device property: speed_bytes", speed
    )


def _untyped(name: str, help_text: str, value: str) -> Family:
    return labelled(name, MetricType.UNKNOWN, help_text, [({}, float(value))])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
