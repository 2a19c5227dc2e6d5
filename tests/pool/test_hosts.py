"""The page of hosts, from what they report."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set
from pool.hosts import list_hosts

pytestmark = pytest.mark.django_db


def report(instance: str, at_ms: int, *, idle_seconds: float, available: float = 4e9) -> None:
    figures = {
        ("node_cpu_seconds_total", "idle"): idle_seconds,
        ("node_memory_MemAvailable_bytes", ""): available,
        ("node_memory_MemTotal_bytes", ""): 16e9,
        ("node_filesystem_avail_bytes", ""): 10.0,
        ("node_filesystem_size_bytes", ""): 100.0,
        ("node_time_seconds", ""): at_ms / 1000,
        ("node_boot_time_seconds", ""): at_ms / 1000 - 7200,
    }
    samples = [
        (label_set({"__name__": name, "mode": mode, "instance": instance}), value)
        for (name, mode), value in figures.items()
    ]
    get_backend().append(batch_at(at_ms, samples))


def test_a_host_is_listed_with_how_it_does() -> None:
    now_ms = int(time.time() * 1000)
    for seconds_ago in range(180, -1, -15):
        report("rig-7", now_ms - seconds_ago * 1000, idle_seconds=1000 - seconds_ago * 0.25)

    [host] = list_hosts(at_ms=now_ms)

    assert host.instance == "rig-7"
    assert host.cpu_percent == pytest.approx(75)
    assert host.memory_percent == pytest.approx(75)
    assert host.disk_percent == pytest.approx(90)
    assert host.uptime_seconds == pytest.approx(7200)
    assert not host.is_silent


def test_a_host_that_stopped_to_report_stays_on_the_page_as_silent(admin_client: Client) -> None:
    report("rig-8", int(time.time() * 1000) - 600_000, idle_seconds=1)

    page = admin_client.get("/admin/pool/hosts/").content.decode()

    assert "rig-8" in page
    assert "Silent for" in page


def test_without_hosts_the_page_says_where_they_come_from(admin_client: Client) -> None:
    page = admin_client.get("/admin/pool/hosts/").content.decode()

    assert "No host has reported yet" in page
