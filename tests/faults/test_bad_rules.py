"""Rules that are wrong or far too large get a clear error, and disturb neither their group nor others."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.portal_process import PortalProcess, wait_for
from tests.faults.rule_portal import KEY, call, import_rules, query, rows, write
from tests.metrics.ingest.write_requests import HEADERS, series, snappy

pytestmark = pytest.mark.faults

INTERVAL_SECONDS = 2
MANY = 100_000
SERIES_A_BODY = 5_000
# A group keeps its time when none of its iterations is later than this (of the issue: 5 s).
LATE_SECONDS = 5

HEALTHY = """
groups:
- name: healthy
  interval: 2s
  rules:
  - {record: "healthy:load", expr: sum(bad_load)}
  - {alert: Healthy, expr: bad_load > 5}
"""

BROKEN = """
groups:
- name: broken
  interval: 2s
  rules:
  - {alert: First, expr: bad_load > 5}
  - {alert: WrongSyntax, expr: bad_load}
  - {alert: UnknownFunction, expr: bad_load}
  - {alert: ManyToMany, expr: bad_load > on (job) bad_load}
  - {alert: RegexBomb, expr: bad_load}
  - {alert: ManySeries, expr: bad_many >= 0}
  - {record: "bad:many", expr: bad_many}
  - alert: RunawayLoop
    expr: bad_load > 5
    annotations:
      summary: '{{ range query "bad_load" }}{{ range query "bad_many" }}{{ . }}{{ end }}{{ end }}'
  - alert: RunawayRecursion
    expr: bad_load > 5
    annotations:
      summary: '{{ define "again" }}{{ template "again" . }}{{ end }}{{ template "again" . }}'
  - alert: RunawayLabel
    expr: bad_load > 5
    labels: {long: '{{ printf "%1000000s" "x" }}{{ printf "%1000000s" "x" }}'}
  - {alert: Last, expr: bad_load > 5}
"""

ERRORS = {
    "WrongSyntax": "parse error",
    "UnknownFunction": "unknown function",
    "ManyToMany": "many-to-many matching not allowed",
    "RegexBomb": "regex",
    "ManySeries": "limit",
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("bad-rules") / "var"
    portal = PortalProcess.start(data_dir, BOOTSTRAP_API_KEY=KEY, PROMETHEUS_ENABLED="0")
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


def test_bad_rules_have_an_error_and_the_others_keep_their_time(
    portal: PortalProcess, tmp_path: Path
) -> None:
    write(portal, "bad_load", {"a": 9, "b": 1})
    write_many(portal)
    load(portal, tmp_path / "healthy.yml", HEALTHY)
    wait_for(lambda: len(recorded(portal)) > 2)

    load(portal, tmp_path / "broken.yml", BROKEN)
    spoil(portal, "WrongSyntax", "sum(bad_load")
    spoil(portal, "RegexBomb", 'bad_load{instance=~"((a{1,100}){1,100}){1,100}"}')
    spoil(portal, "UnknownFunction", "nothing_of_that_name(bad_load)")

    # Twice: the first may have begun before the expressions were spoilt.
    wait_until_evaluated_again(portal, "broken")
    wait_until_evaluated_again(portal, "broken")
    wait_until_evaluated_again(portal, "healthy")
    found = errors(portal)
    for name, words in ERRORS.items():
        assert words in found.get(name, ""), found
        assert "internal error" not in found[name]
    assert not found.keys() & {"First", "Last", "Healthy"}
    firing = {one["labels"]["alertname"] for one in active(portal)}
    assert firing >= {"First", "Last", "Healthy"}
    for name in ("RunawayLoop", "RunawayRecursion"):
        [alert] = [one for one in active(portal) if one["labels"]["alertname"] == name]
        assert "error expanding template" in alert["annotations"]["summary"]
    times = recorded(portal)
    late = [
        (before, after)
        for before, after in pairwise(times)
        if after - before > INTERVAL_SECONDS + LATE_SECONDS
    ]
    assert not late, times
    assert portal.answers("/health/live")


def load(portal: PortalProcess, file: Path, text: str) -> None:
    file.write_text(text)
    import_rules(portal, file)


def spoil(portal: PortalProcess, name: str, expr: str) -> None:
    """Give a rule an expression that no door would take."""
    rows(portal, "UPDATE alerts_rule SET expr = %s WHERE name = %s", expr, name)
    rows(portal, "UPDATE alerts_rulegroup SET version = version + 1 WHERE name = 'broken'")


def write_many(portal: PortalProcess) -> None:
    at_ms = int(time.time() * 1000)

    def send(first: int) -> None:
        body = b"".join(
            series({"__name__": "bad_many", "number": str(number)}, (at_ms, float(number)))
            for number in range(first, first + SERIES_A_BODY)
        )
        remote_write(portal, snappy(body))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, range(0, MANY, SERIES_A_BODY)))


def remote_write(portal: PortalProcess, body: bytes) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{portal.port}/api/v1/write",
        data=body,
        headers={
            **HEADERS,
            "Content-Type": "application/x-protobuf",
            "Authorization": f"Bearer {KEY}",
        },
    )
    with urllib.request.urlopen(request, timeout=120):
        pass


def errors(portal: PortalProcess) -> dict[str, str]:
    found = rows(portal, "SELECT name, last_error FROM alerts_rule WHERE health = 'err'")
    return dict(found)


def active(portal: PortalProcess) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = call(portal, "GET", "/api/v1/alerts")["data"]["alerts"]
    return alerts


def recorded(portal: PortalProcess) -> list[float]:
    """Return the times at which the healthy group has recorded."""
    found = query(portal, "healthy:load[10m]")
    return [at for one in found for at, _ in one["values"]]


def wait_until_evaluated_again(portal: PortalProcess, group: str) -> None:
    statement = "SELECT evaluated_at FROM alerts_rulegroup WHERE name = %s"
    before = rows(portal, statement, group)
    wait_for(lambda: rows(portal, statement, group) != before, seconds=240)
