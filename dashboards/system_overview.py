"""The dashboard of the machines the portal watches; there from the first minute on."""

from __future__ import annotations

from dashboards.panels import DashboardConfig, Panel, Unit

SYSTEM_OVERVIEW = DashboardConfig(
    panels=[
        Panel(
            title="CPU in use",
            expr='100 - 100 * avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))',
            unit=Unit.PERCENT,
            legend="{{instance}}",
        ),
        Panel(
            title="Memory in use",
            expr="100 - 100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
            unit=Unit.PERCENT,
            legend="{{instance}}",
        ),
        Panel(
            title="Disk in use",
            expr="100 - 100 * node_filesystem_avail_bytes / node_filesystem_size_bytes",
            unit=Unit.PERCENT,
            legend="{{instance}} {{mountpoint}}",
        ),
        Panel(title="Load, 1 minute", expr="node_load1", legend="{{instance}}"),
        Panel(
            title="Network, received",
            expr="sum by (instance) (rate(node_network_receive_bytes_total[2m]))",
            unit=Unit.BYTES_PER_SECOND,
            legend="{{instance}}",
        ),
        Panel(
            title="Network, sent",
            expr="sum by (instance) (rate(node_network_transmit_bytes_total[2m]))",
            unit=Unit.BYTES_PER_SECOND,
            legend="{{instance}}",
        ),
        Panel(
            title="Disk, busy",
            expr="100 * rate(node_disk_io_time_seconds_total[2m])",
            unit=Unit.PERCENT,
            legend="{{instance}} {{device}}",
        ),
        Panel(
            title="Samples recorded by the portal",
            expr="sum by (protocol) (rate(portal_samples_ingested_total[2m]))",
            unit=Unit.PER_SECOND,
            legend="{{protocol}}",
            stack=True,
        ),
    ]
)
