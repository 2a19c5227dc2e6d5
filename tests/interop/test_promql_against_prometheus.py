"""PromQL side by side: the portal and a real Prometheus hold the same samples and are asked the same.

Debian's Prometheus is of version 2, so the portal has its windows (`PROMQL_COMPAT=2`); where one of
version 3 is installed, it has those of 3. Where the versions differ otherwise, 3 holds.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from random import Random
from typing import Any, TypeAlias

import pytest

from tests.embedded.portal_process import PortalProcess, free_port
from tests.interop.comparison_data import LENGTH_MS, MINUTE_MS, bodies
from tests.interop.comparison_queries import by_hand, queries, wrong
from tests.interop.test_remote_write import running, wait_for
from tests.metrics.ingest.write_requests import HEADERS

PROMETHEUS = shutil.which("prometheus")
KEY = "op_interop0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
HOUR_MS = 60 * MINUTE_MS
FEATURES = "promql-experimental-functions,promql-delayed-name-removal"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus (Debian: prometheus)"),
]

NEWER_IN_3 = {
    r"\batan2\b": "2.x keeps the metric's name",
    r'text!~"\.\+"': "`.` matches a newline in 3",
    r"^(stddev|stdvar)\b.*temperature": "an infinite value gives NaN in 3, whatever its place",
    r"^predict_linear\(.* @ ": "2.x predicts from the time after @",
    r"\b(rate|increase)\((\(|.*node_load)": "a counter near zero is stretched less in 3",
    r"^topk\(scalar\(": "3 refuses a parameter that is no number at some step",
    r"^sin\(.* == on \(instance, job\)": "3 refuses many-to-one even where no value is equal",
    r"label_(replace|join)\(.*\"1a\"": "any text in UTF-8 is a label's name in 3",
    r'count_values\("a b c"': "any text in UTF-8 is a label's name in 3",
    r"^start\(\)$": "a function in 3",
    r"^5m$|offset 5$|@ 5m$|\[5\]$": "durations are numbers in 3, and numbers durations",
}
"""By a pattern: queries that 3 answers in another way than 2, and why."""

NEWER_IN_3_14 = {
    r"\bholt_winters\b": "3 calls it double_exponential_smoothing, the portal knows both names",
    r"^sin\(.* == on \(instance, job\)": "refused even where no value is equal",
    r"^last_over_time\(\(\(avg_over_time.* > ": "a comparison does not bring a dropped name back",
    r"^start\(\)$": "a function",
    r"^topk\(NaN|^node_load(\[\]| offset)$": "worded in another way",
}
"""The same for versions of 3 that are older than what the portal follows."""

REWORDED_IN_3 = (
    *("node_load[5m", "node_load[]", "node_load[-5m]", "node_load[1y1y]", "node_load[1.5m]"),
    *('node_load{instance=~"("}', "node_load offset", "topk(NaN, node_load)", "1e", "1..2"),
    *("5m", "node_load[5]", "node_load offset 5", "node_load @ 5m"),
)
"""Errors that 3 words in another way, or finds elsewhere in the text."""


@dataclass(frozen=True)
class Server:
    """Anything that answers Prometheus's query API."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, **parameters: object) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = urllib.parse.urlencode(parameters)
            connection.request("GET", f"/api/v1/{path}?{text}", headers=self.headers)
            # Prometheus 3 sends bytes of labels as they are, even those that are no UTF-8.
            return json.loads(connection.getresponse().read().decode(errors="replace"))
        finally:
            connection.close()

    def write(self, body: bytes) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/write",
            data=body,
            headers={**HEADERS, "Content-Type": "application/x-protobuf", **self.headers},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 204


@dataclass(frozen=True)
class Pair:
    """Two servers with the same samples, whose first is at `start_ms`."""

    portal: Server
    prometheus: Server
    version: int
    start_ms: int

    def ask(self, query: Query) -> tuple[Any, Any]:
        parameters = query.parameters(self.start_ms)
        path = "query_range" if query.is_range else "query"
        return self.portal.ask(path, **parameters), self.prometheus.ask(path, **parameters)


@dataclass(frozen=True)
class Query:
    """An expression with its times, in ms since the first sample."""

    expr: str
    first_ms: int
    last_ms: int = 0
    step_ms: int = 0

    @property
    def is_range(self) -> bool:
        return self.step_ms > 0

    def parameters(self, start_ms: int) -> dict[str, object]:
        first = (start_ms + self.first_ms) / 1000
        if not self.is_range:
            return {"query": self.expr, "time": first}
        last = (start_ms + self.last_ms) / 1000
        return {"query": self.expr, "start": first, "end": last, "step": self.step_ms / 1000}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    assert PROMETHEUS is not None
    said = subprocess.run([PROMETHEUS, "--version"], capture_output=True, text=True, check=True)
    version = int(re.findall(r"version (\d+)\.", said.stdout + said.stderr)[0])
    folder = tmp_path_factory.mktemp("promql")
    (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1m}\n")
    port = free_port()
    process = PortalProcess.start(
        folder / "var", BOOTSTRAP_API_KEY=KEY, PROMQL_COMPAT=str(min(version, 3))
    )
    try:
        with running(
            PROMETHEUS,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            *([f"--enable-feature={FEATURES}"] if version > 2 else []),
        ):
            process.wait_until_it_runs()
            pair = Pair(
                portal=Server(process.port, {"Authorization": f"Bearer {KEY}"}),
                prometheus=Server(port),
                version=version,
                start_ms=int(time.time() * 1000) // HOUR_MS * HOUR_MS - 3 * HOUR_MS,
            )
            wait_for(lambda: pair.prometheus.ask("query", query="1")["status"] == "success")
            for body in bodies(pair.start_ms):
                pair.portal.write(body)
                pair.prometheus.write(body)
            yield pair
    finally:
        process.end()


def test_every_query_is_answered_alike(servers: Pair) -> None:
    asked = list(timed(queries()))

    outcomes = compare_all(servers, asked)

    assert len(asked) > 1_000
    assert outcomes["answer"] > 900
    assert outcomes["error"] > 20


def test_what_is_refused_is_refused_alike(servers: Pair) -> None:
    asked = [
        query
        for expr in wrong()
        for query in (Query(expr, 30 * MINUTE_MS), Query(expr, 0, 30 * MINUTE_MS, MINUTE_MS))
    ]

    outcomes = compare_all(servers, asked)

    assert outcomes["error"] > 200


def timed(exprs: Iterable[str]) -> Iterator[Query]:
    """Ask each at one time or over one range, what is written by hand in both ways.

    The times of an expression do not depend on the others.
    """
    twice = set(by_hand())
    for expr in exprs:
        random = Random(expr)  # noqa: S311 (nothing secret)
        is_range = random.random() < 0.5
        if not is_range or expr in twice:
            minute = random.choice([30, 45, 60, 88])
            yield Query(expr, minute * MINUTE_MS + random.choice([0, 0, 7_777]))
        if is_range or expr in twice:
            yield random.choice(
                [
                    Query(expr, 20 * MINUTE_MS, 50 * MINUTE_MS, MINUTE_MS),
                    Query(expr, 1, LENGTH_MS, 170_003),
                    Query(expr, 61 * MINUTE_MS, 62 * MINUTE_MS, 5_000),
                    Query(expr, -10 * MINUTE_MS, 100 * MINUTE_MS, 10 * MINUTE_MS),
                ]
            )


def compare_all(servers: Pair, asked: list[Query]) -> Counter[str]:
    """Ask both servers everything; fail with all differences that are not meant to be."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(servers.ask, asked))
    outcomes, wrong_ones = Counter[str](), []
    for query, (ours, theirs) in zip(asked, answers, strict=True):
        outcomes["error" if theirs["status"] == "error" else "answer"] += 1
        newer = NEWER_IN_3 if servers.version == 2 else NEWER_IN_3_14
        if any(re.search(pattern, query.expr) for pattern in newer):
            continue
        if found := difference(query, ours, theirs, version=servers.version):
            wrong_ones.append(f"{query}\n    {found}")
    assert not wrong_ones, f"{len(wrong_ones)} of {len(asked)}:\n" + "\n".join(wrong_ones)
    return outcomes


def difference(query: Query, ours: Any, theirs: Any, *, version: int) -> str | None:
    """Return how two answers differ, None when they do not."""
    if ours["status"] != theirs["status"]:
        return f"ours {shortened(ours)}, theirs {shortened(theirs)}"
    if ours["status"] == "error":
        if ours["errorType"] != theirs["errorType"]:
            return f"ours {ours}, theirs {theirs}"
        if version == 2 and query.expr in REWORDED_IN_3:
            return None
        if fault(ours["error"]) != fault(theirs["error"]):
            return f"ours {ours['error']}\n    theirs {theirs['error']}"
        return None
    if ours["data"]["resultType"] != theirs["data"]["resultType"]:
        return f"ours {shortened(ours)}, theirs {shortened(theirs)}"
    if ours["data"]["resultType"] == "string":
        return None if ours["data"] == theirs["data"] else f"ours {ours}, theirs {theirs}"
    our_points, their_points = points_of(ours["data"]), points_of(theirs["data"])
    if "sort" in query.expr.split("(")[0]:
        our_points = [(None, points) for _, points in our_points]
        their_points = [(None, points) for _, points in their_points]
        return None if are_close(our_points, their_points) else "another order"
    ordered = sorted(our_points, key=str), sorted(their_points, key=str)
    if are_close(*ordered):
        return None
    if query.expr.startswith(("topk", "bottomk")) and are_close(
        *(by_time(points) for points in ordered)
    ):
        return None
    return f"ours {str(ordered[0])[:600]}\n    theirs {str(ordered[1])[:600]}"


Points: TypeAlias = list[tuple[int, float]]
Found: TypeAlias = list[tuple[Any, Points]]


def points_of(data: Any) -> Found:
    """Return the points of each series, with times in milliseconds."""
    if data["resultType"] == "scalar":
        return [((), [as_point(data["result"])])]
    return [
        (
            tuple(sorted(series["metric"].items())),
            [as_point(p) for p in series.get("values") or [series["value"]]],
        )
        for series in data["result"]
    ]


def as_point(pair: tuple[float, str]) -> tuple[int, float]:
    return round(pair[0] * 1000), float(pair[1])


def by_time(found: Found) -> Found:
    """Return the values of each time, whichever series have them: of equal ones any may be first."""
    values: dict[int, list[float]] = {}
    for _, points in found:
        for at_ms, value in points:
            values.setdefault(at_ms, []).append(value)
    return [
        (at_ms, [(n, value) for n, value in enumerate(sorted(some, key=str))])
        for at_ms, some in sorted(values.items())
    ]


def are_close(ours: Found, theirs: Found) -> bool:
    return [key for key, _ in ours] == [key for key, _ in theirs] and all(
        [at for at, _ in a] == [at for at, _ in b]
        and all(is_close(x, y) for (_, x), (_, y) in zip(a, b, strict=True))
        for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )


def is_close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def fault(message: str) -> str:
    """Return what of a message is the same at every run and in every version.

    Which two of several series are named depends on the order in which they are read.
    """
    message = message.removeprefix('invalid parameter "query": ')
    return re.sub(r"match group \{.*?\} on|operation: \[.*?\];", "", message)


def shortened(answer: Any) -> str:
    return json.dumps(answer)[:600]
