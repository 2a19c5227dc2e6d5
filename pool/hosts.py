"""The machines that report to the portal, with how they do right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observability.metrics.backend import get_backend
from observability.promql import InstantVector
from observability.promql.labels import label_value

# A host that has not reported for so long is shown as silent.
SILENT_AFTER_SECONDS = 90

_CPU = '100 - 100 * avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))'
_MEMORY = (
    "100 - 100 * max by (instance) (node_memory_MemAvailable_bytes)"
    " / max by (instance) (node_memory_MemTotal_bytes)"
)
_DISK = "100 - 100 * min by (instance) (node_filesystem_avail_bytes / node_filesystem_size_bytes)"
_REPORTED = "max by (instance) (last_over_time(node_time_seconds[1d]))"
_BOOTED = "max by (instance) (last_over_time(node_boot_time_seconds[1d]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine; a figure is None when it was not reported lately.

    Attributes:
        instance: The `instance` label of its series.
        cpu_percent: CPU time in use over the last two minutes.
        memory_percent: Memory in use.
        disk_percent: Use of its fullest file system.
        uptime_seconds: Since it was booted.
        silent_seconds: Since it last reported.
    """

    instance: str
    cpu_percent: float | None
    memory_percent: float | None
    disk_percent: float | None
    uptime_seconds: float | None
    silent_seconds: float

    @property
    def is_silent(self) -> bool:
        """Whether it has stopped to report."""
        return self.silent_seconds > SILENT_AFTER_SECONDS


def list_hosts(*, at_ms: int) -> list[Host]:
    """Return every host that reported within a day, by name."""
    cpu, memory, disk = (_by_instance(expr, at_ms) for expr in (_CPU, _MEMORY, _DISK))
    booted, reported = _by_instance(_BOOTED, at_ms), _by_instance(_REPORTED, at_ms)
    now = at_ms / 1000
    return [
        Host(
            instance=instance,
            cpu_percent=cpu.get(instance),
            memory_percent=memory.get(instance),
            disk_percent=disk.get(instance),
            uptime_seconds=now - booted[instance] if instance in booted else None,
            silent_seconds=max(0.0, now - reported_at),
        )
        for instance, reported_at in sorted(reported.items())
    ]


def _by_instance(expr: str, at_ms: int) -> Mapping[str, float]:
    value = get_backend().query(expr, at_ms=at_ms).value
    if not isinstance(value, InstantVector):
        return {}
    return {label_value(labels, "instance"): sample for labels, sample in value.samples()}
