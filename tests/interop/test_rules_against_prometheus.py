"""Rules side by side: the same rule file and the same samples in a real Prometheus and in the portal.

What both write (`ALERTS`, `ALERTS_FOR_STATE`, recorded series) and what both say at
`/api/v1/alerts` is the same within one evaluation, over a restart too. Nothing is said about when
things happen: each step waits until both are where they should be.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from observability.promql.staleness import STALE_NAN
from tests.embedded.portal_process import PortalProcess, free_port
from tests.faults.rule_portal import import_rules
from tests.interop.conftest import KEY, Server
from tests.interop.test_promql_against_prometheus import fault
from tests.metrics.ingest.write_requests import HEADERS, series, snappy

PROMETHEUS = shutil.which("prometheus")
INTERVAL_SECONDS = 2.0
# One evaluation, and how long it may take until samples have come to both.
TOLERANCE_SECONDS = INTERVAL_SECONDS + 1.0
FEED_SECONDS = 0.5
# Of the alert that is pending over the restart.
HOLD_SECONDS = 20
PATIENCE_SECONDS = 60

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus (Debian: prometheus)"),
]

RULES = """
groups:
  - name: load
    interval: 2s
    rules:
      - record: side:load:max
        expr: max by (job) (side_load)
        labels: {tier: recorded}
      - alert: LoadHigh
        expr: side_load > 5
        for: 4s
        keep_firing_for: 4s
        labels: {severity: critical, where: "{{ $labels.instance }} of {{ $labels.job | title }}"}
        annotations:
          summary: "{{ $labels.instance }} is at {{ $value | humanize }}"
          machines: '{{ with query "count(side_load)" }}{{ . | first | value }}{{ end }}'
      - alert: RecordedHigh
        expr: side:load:max{tier="recorded"} > 6
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.job }}{{ if gt $value 6.5 }} by far{{ end }}"}
      - alert: SomethingFires
        expr: count by (alertname) (ALERTS{alertname="LoadHigh",alertstate="firing"}) > 0
        for: 2s
        annotations: {summary: "{{ $value }} of {{ $labels.alertname }}"}
      - record: side:alerts:count
        expr: count by (alertname, alertstate) (ALERTS{alertname=~"LoadHigh|RecordedHigh"})
  - name: slow
    interval: 2s
    rules:
      - alert: QueueLong
        expr: side_queue > 100
        for: 20s
        labels: {severity: error, queue: ""}
        annotations: {summary: "{{ $labels.queue }} has {{ $value }}"}
  - name: limited
    interval: 2s
    limit: 2
    rules:
      - alert: ShardDown
        expr: side_shard == 0
        annotations: {summary: "shard {{ $labels.shard }}"}
  - name: broken
    interval: 2s
    rules:
      - alert: ManyToMany
        expr: side_load > on (job) side_load
      - record: side:after:broken
        expr: count(side_load)
      - alert: Unrenderable
        expr: side_load{instance="c"} > 5
        annotations: {summary: '{{ humanize $labels.job }} of {{ $labels.instance }}'}
"""

Values: TypeAlias = dict[tuple[str, ...], float]
Found: TypeAlias = Mapping[tuple[tuple[str, str], ...], list[tuple[float, float]]]


def load(instance: str) -> tuple[str, ...]:
    return ("__name__", "side_load", "instance", instance, "job", "batch")


def shard(number: int) -> tuple[str, ...]:
    return ("__name__", "side_shard", "shard", str(number))


QUEUE = ("__name__", "side_queue", "queue", "mail")


@dataclass
class Feed:
    """Writes the present values to both servers, with the same times, until it is stopped."""

    ports: list[int]
    values: Values
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        while not self.stopped.wait(FEED_SECONDS):
            with self.lock:
                self._write()

    def set(self, **values: float) -> None:
        """Give series other values, at once."""
        named = {"a": load("a"), "b": load("b"), "c": load("c"), "queue": QUEUE}
        named |= {f"shard{number}": shard(number) for number in range(3)}
        with self.lock:
            self.values |= {named[name]: value for name, value in values.items()}

    def end(self, labels: tuple[str, ...]) -> None:
        """Say of a series that it has ended."""
        with self.lock:
            self.values[labels] = STALE_NAN
            self._write()
            del self.values[labels]

    def _write(self) -> None:
        at_ms = int(time.time() * 1000)
        body = snappy(
            b"".join(
                series(dict(zip(labels[::2], labels[1::2], strict=True)), (at_ms, value))
                for labels, value in self.values.items()
            )
        )
        for port in self.ports:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/write",
                data=body,
                headers={
                    **HEADERS,
                    "Content-Type": "application/x-protobuf",
                    "Authorization": f"Bearer {KEY}",
                },
            )
            # It is being restarted.
            with suppress(OSError), urllib.request.urlopen(request, timeout=10):
                pass


@dataclass
class Both:
    """A portal and a Prometheus with the same rules, started and stopped together."""

    folder: Path
    prometheus_port: int = field(default_factory=free_port)
    _portal: PortalProcess | None = None
    _prometheus: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        is_first = not (self.folder / "var").exists()
        self._portal = PortalProcess.start(
            self.folder / "var", BOOTSTRAP_API_KEY=KEY, PROMQL_COMPAT="2", PROMETHEUS_ENABLED="0"
        )
        self._portal.wait_until_it_runs()
        if is_first:
            import_rules(self._portal, self.folder / "rules.yml")
        self._prometheus = subprocess.Popen(
            [
                str(PROMETHEUS),
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
                "--web.enable-remote-write-receiver",
                "--rules.alert.for-grace-period=0s",
                "--rules.alert.for-outage-tolerance=1h",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End both at the same time."""
        if self._prometheus is not None:
            self._prometheus.terminate()
        if self._portal is not None:
            self._portal.end()
        if self._prometheus is not None:
            self._prometheus.wait(20)

    @property
    def ports(self) -> list[int]:
        assert self._portal is not None
        return [self._portal.port, self.prometheus_port]

    @property
    def servers(self) -> list[Server]:
        return [Server(port, 0, KEY) for port in self.ports]

    def alerts(self) -> list[dict[tuple[str, str], Any]]:
        """What each says of its alerts: by name and instance its state, labels, annotations and value."""
        return [
            {
                (
                    alert["labels"]["alertname"],
                    alert["labels"].get("instance") or alert["labels"].get("shard", ""),
                ): (
                    alert["state"],
                    alert["labels"],
                    alert["annotations"],
                    float(alert["value"]),
                )
                for alert in server.get("/api/v1/alerts")["alerts"]
            }
            for server in self.servers
        ]

    def states(self) -> list[dict[tuple[str, str], str]]:
        return [{key: one[0] for key, one in alerts.items()} for alerts in self.alerts()]

    def come_to(self, **expected: str) -> None:
        """Wait until both have these alerts (`LoadHigh_a="firing"`) and no others, and all agree."""
        wanted = {
            (name.partition("_")[0], name.partition("_")[2]): state
            for name, state in expected.items()
        }
        become(self.states, lambda states: states == [wanted, wanted])
        become(self.alerts, lambda alerts: alerts[0] == alerts[1])

    def evaluate_alike(self) -> dict[str, tuple[str, str]]:
        """Wait until both say the same of the health and the error of every rule."""
        become(
            self.errors,
            lambda errors: errors[0] == errors[1] and ("unknown", "") not in errors[0].values(),
        )
        return self.errors()[0]

    def errors(self) -> list[dict[str, tuple[str, str]]]:
        """What each says of its rules: by name its health and its error."""
        return [
            {
                rule["name"]: (rule["health"], fault(rule.get("lastError", "")))
                for group in server.get("/api/v1/rules")["groups"]
                for rule in group["rules"]
            }
            for server in self.servers
        ]

    def written(self, *, start: float, end: float) -> list[Found]:
        """The samples that each has written from one time until another, by series."""
        seconds = int(end - start) + 1
        return [
            {
                tuple(sorted(one["metric"].items())): [
                    (at, float(value)) for at, value in one["values"] if start <= at <= end
                ]
                for one in server.get(
                    "/api/v1/query", query=f'{{__name__=~"ALERTS.*|side:.*"}}[{seconds}s]', time=end
                )["result"]
                if any(start <= at <= end for at, _ in one["values"])
            }
            for server in self.servers
        ]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "prometheus.yml").write_text("rule_files: [rules.yml]\n")
    both = Both(tmp_path)
    try:
        both.start()
        yield both
    finally:
        both.stop()


@pytest.fixture
def feed(both: Both) -> Iterator[Feed]:
    values = dict.fromkeys([load("a"), load("b"), load("c"), QUEUE], 1.0)
    values |= {shard(number): 0.0 for number in range(3)}
    feed = Feed(both.ports, values)
    thread = threading.Thread(target=feed.run)
    thread.start()
    yield feed
    feed.stopped.set()
    thread.join()


def test_states_and_series_agree_over_a_restart(both: Both, feed: Feed) -> None:
    health = both.evaluate_alike()
    assert {name for name, (state, _) in health.items() if state == "err"} == {
        "ManyToMany",
        "ShardDown",
    }
    assert health["ShardDown"] == ("err", "exceeded limit of 2 with 3 alerts")
    started = time.time()
    both.come_to()

    feed.set(a=7, shard0=1)
    shards = {"ShardDown_1": "firing", "ShardDown_2": "firing"}
    both.come_to(LoadHigh_a="pending", RecordedHigh_="firing", **shards)
    both.come_to(LoadHigh_a="firing", RecordedHigh_="firing", SomethingFires_="firing", **shards)
    assert both.evaluate_alike()["ShardDown"] == ("ok", "")
    feed.set(b=9, c=6)
    both.come_to(
        LoadHigh_a="firing",
        LoadHigh_b="firing",
        LoadHigh_c="firing",
        RecordedHigh_="firing",
        SomethingFires_="firing",
        Unrenderable_c="firing",
        **shards,
    )
    feed.set(c=1, queue=500)
    before = {
        "LoadHigh_a": "firing",
        "LoadHigh_b": "firing",
        "RecordedHigh_": "firing",
        "SomethingFires_": "firing",
        **shards,
    }
    both.come_to(**before, QueueLong_="pending")
    stopped = time.time()
    agree(both.written(start=started, end=stopped), start=started, end=stopped)

    both.stop()
    both.start()
    feed.ports[:] = both.ports

    both.come_to(**before, QueueLong_="firing")
    restarted = time.time()
    feed.set(b=1)
    both.come_to(**{**before, "LoadHigh_b": "firing"}, QueueLong_="firing")
    feed.set(a=1)
    both.come_to(**shards, QueueLong_="firing")
    feed.end(QUEUE)
    both.come_to(**shards)
    ended = time.time()
    after: list[Found] = [
        {labels: one for labels, one in found.items() if ("alertname", "QueueLong") not in labels}
        for found in both.written(start=restarted, end=ended)
    ]
    agree(after, start=restarted, end=ended)
    for whole in both.written(start=started, end=ended):
        clock_stood_still_in_the_outage(whole)


def clock_stood_still_in_the_outage(written: Found) -> None:
    """An outage, which is not of the same length for both, does not count for `for`."""
    [since] = (one for labels, one in written.items() if is_of(labels, "QueueLong", "FOR_STATE"))
    [first_firing, *_] = (
        one[0][0]
        for labels, one in written.items()
        if is_of(labels, "QueueLong") and ("alertstate", "firing") in labels
    )
    times = [at for at, _ in since]
    outage = max(after - before for before, after in pairwise(times))
    before, after = since[0][1], since[-1][1]
    assert outage > INTERVAL_SECONDS
    assert after - before == pytest.approx(outage, abs=TOLERANCE_SECONDS)
    assert first_firing - after == pytest.approx(HOLD_SECONDS, abs=TOLERANCE_SECONDS)


def is_of(labels: tuple[tuple[str, str], ...], alert: str, ending: str = "ALERTS") -> bool:
    """Say whether a series is one of an alert, and its metric's name ends so."""
    named = dict(labels)
    return named.get("alertname") == alert and named["__name__"].endswith(ending)


def become(ask: Callable[[], list[Any]], is_there: Callable[[list[Any]], bool]) -> None:
    """Ask both until they are there; when they do not get there in time, show what they say."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            said = ask()
        except OSError:
            said = []  # still starting
        if said and is_there(said):
            return
        if time.monotonic() > deadline:
            pytest.fail("ours:   {}\ntheirs: {}".format(*(said or ["nothing", "nothing"])))
        time.sleep(0.1)


def agree(written: list[Found], *, start: float, end: float) -> None:
    """Fail unless each sample of one has its like, within an evaluation, among those of the other."""
    ours, theirs = written
    problems = [
        f"{whose}: {dict(labels)} = {value} at {at}, the other: {other.get(labels)}"
        for whose, some, other in (("ours", ours, theirs), ("theirs", theirs, ours))
        for labels, samples in some.items()
        for at, value in samples
        # What is near the ends may have its like beyond them.
        if start + TOLERANCE_SECONDS < at < end - TOLERANCE_SECONDS
        and not any(are_alike(labels, (at, value), like) for like in other.get(labels, []))
    ]
    assert not problems, "\n".join(problems)


def are_alike(
    labels: tuple[tuple[str, str], ...], one: tuple[float, float], other: tuple[float, float]
) -> bool:
    # Its values are times of evaluations.
    apart = TOLERANCE_SECONDS if dict(labels)["__name__"] == "ALERTS_FOR_STATE" else 0.0
    return abs(one[0] - other[0]) <= TOLERANCE_SECONDS and abs(one[1] - other[1]) <= apart
