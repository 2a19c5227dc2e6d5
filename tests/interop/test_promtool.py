"""promtool asks the portal, and gets what it gets from a Prometheus that holds the same samples."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from .conftest import Server

PROMTOOL = shutil.which("promtool")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)"),
]


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [str(PROMTOOL), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("instant", ["--time={end}", "{server}", "sum by (job) (up)"]),
        ("instant", ["--time={end}", "{server}", "up"]),
        ("instant", ["--time={end}", "--format=json", "{server}", "rate(node_cpu_seconds_total[2m])"]),
        ("instant", ["--time={end}", "{server}", "1 + 1"]),
        ("range", ["--start={start}", "--end={end}", "--step=1m", "{server}", "up"]),
        ("range", ["--start={start}", "--end={end}", "{server}", "avg(node_cpu_seconds_total)"]),
        ("series", ['--match=up{{job="nothing"}}', '--match={{instance=~".:9100"}}', "{server}"]),
        ("series", ["--match=up", "--start={start}", "--end={end}", "{server}"]),
        ("labels", ['--match={{instance=~".:9100"}}', "{server}", "instance"]),
        ("labels", ["--match=up", "{server}", "__name__"]),
    ],
    ids=["sum", "selector", "json", "scalar", "range", "range-without-step", "series", "series-of-a-time", "labels", "labels-of-series"],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "/prometheus"], ids=["root", "prefix"])
def test_promtool_prints_the_same(
    filled_portal: Server,
    filled_prometheus: Server,
    command: str,
    arguments: list[str],
    prefix: str,
) -> None:
    def run(address: str) -> str:
        first = filled_portal.first
        words = {"server": address, "start": first, "end": first + 600}
        return promtool("query", command, *(word.format(**words) for word in arguments))

    ours = run(filled_portal.url + prefix)

    assert ours == run(filled_prometheus.url)
    assert ours.strip()


def test_what_is_wrong_with_a_query_is_told(filled_portal: Server) -> None:
    done = subprocess.run(
        [str(PROMTOOL), "query", "instant", filled_portal.url, "sum("],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "bad_data" in done.stderr


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v1/labels", {}),
        ("/api/v1/labels", {"match[]": "up"}),
        ("/api/v1/label/instance/values", {"match[]": ['up{instance="a:9100"}', "none"]}),
        ("/api/v1/series", {"match[]": ["up", "{__name__=~'node.*'}"]}),
        ("/api/v1/series", {"match[]": "up", "start": 1, "end": 2}),
        ("/api/v1/label/nothing/values", {}),
    ],
    ids=["labels", "labels-of", "values-of", "series", "series-never", "no-values"],
)
def test_lists_are_equal(
    filled_portal: Server, filled_prometheus: Server, path: str, parameters: dict[str, object]
) -> None:
    # The portal's own series are of later times.
    times = {"start": filled_portal.first, "end": filled_portal.first + 600} | parameters

    assert filled_portal.get(path, **times) == filled_prometheus.get(path, **times)
