"""`manage.py promql` as people use it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.embedded.locations import PROJECT_DIR
from observability.metrics.backend import get_backend
from observability.metrics.importing.csv_rows import CsvFormat
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db

AT = 1_760_000_000
TIME = "2025-10-09T08:53:20Z"


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    for offset, value in ((0, 9.5), (15, 10.0), (30, 1e21)):
        samples = [
            (label_set({"__name__": "terminal_load", "host": "a", "zone": "北"}), value),
            (label_set({"__name__": "terminal_load", "host": "long\x1b[31m"}), float("nan")),
        ]
        get_backend().append(batch_at((AT + offset) * 1000, samples))


def promql(*arguments: str) -> tuple[str, str]:
    """Return what the command writes to its two outputs."""
    out, err = StringIO(), StringIO()
    call_command("promql", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_vector_is_a_table_with_a_column_a_label() -> None:
    out, _ = promql("sort_by_label(terminal_load, 'host')", "--time", TIME)

    assert out == (
        "metric         host          zone  value\n"
        "terminal_load  a             北      9.5\n"
        "terminal_load  long\\x1b[31m          NaN\n"
    )


def test_a_range_is_a_block_a_series() -> None:
    out, _ = promql(
        "terminal_load{host='a'}", "--start", TIME, "--end", str(AT + 30), "--step", "15"
    )

    assert out == (
        'terminal_load{host="a", zone="北"}\n'
        "  2025-10-09T08:53:20Z    9.5\n"
        "  2025-10-09T08:53:35Z     10\n"
        "  2025-10-09T08:53:50Z  1e+21\n"
    )


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        pytest.param("1 + 1", "2\n", id="a scalar"),
        pytest.param("'text'", "text\n", id="a string"),
        pytest.param("terminal_nothing", "No series.\n", id="nothing"),
        pytest.param("count(terminal_load)", "value\n    2\n", id="no labels"),
        pytest.param("-1", "-1\n", id="a negative number"),
    ],
)
def test_other_values_are_shown_plainly(expr: str, shown: str) -> None:
    assert promql(expr, "--time", str(AT))[0] == shown


def test_json_is_the_answer_of_the_api(client: Client) -> None:
    _, key = create_key(name="terminal", scopes=[Scope.METRICS_READ])
    arguments = {"query": "rate(terminal_load[1m])", "time": str(AT + 30)}

    out, _ = promql(arguments["query"], "--time", arguments["time"], "--format", "json")

    answer = client.get("/api/v1/query", arguments, headers={"Authorization": f"Bearer {key}"})
    assert out.encode() == answer.getvalue() + b"\n"


def test_csv_can_be_imported_again() -> None:
    out, _ = promql(
        "terminal_load",
        "--start",
        str(AT),
        "--end",
        str(AT + 15),
        "--step",
        "15",
        "--format",
        "csv",
    )

    head, *rows = csv.reader(StringIO(out))
    assert head == ["metric", "host", "zone", "timestamp", "value"]
    assert rows[0] == ["terminal_load", "a", "北", str(AT), "9.5"]
    assert [row[-1] for row in rows] == ["9.5", "10", "NaN", "NaN"]
    CsvFormat(",".join(head).encode())


def test_times_may_be_told_from_now(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = promql("time()", "--start", "-1h", "--end", "now", "--step", "30m", "--format", "json")

    times = [time for time, _ in json.loads(out)["data"]["result"][0]["values"]]
    assert [later - earlier for earlier, later in pairwise(times)] == [
        1800,
        1800,
    ]


def test_remarks_go_to_standard_error() -> None:
    out, err = promql("rate(terminal_load[1m])", "--time", str(AT + 30))

    assert "PromQL info: metric might not be a counter" in err
    assert "PromQL" not in out


def test_an_error_shows_its_place() -> None:
    with pytest.raises(CommandError) as caught:
        promql("sum(\n\trate(up[5m) \n)")

    message, line, caret = str(caught.value).split("\n")
    assert message.startswith("2:12: parse error: ")
    assert line == "  \trate(up[5m) "
    assert caret == "  \t          ^"


def test_an_error_in_json_is_the_answer_of_the_api() -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("promql", "up +", "--format", "json", stdout=out)

    assert json.loads(out.getvalue()) == {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 1:5: parse error: unexpected end of input',
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"time": "noon"}, '--time: cannot parse "noon" to a valid timestamp', id="no time"
        ),
        pytest.param(
            {"step": "5m"}, "--step is for a range, which also needs --start", id="no start"
        ),
        pytest.param(
            {"start": "-1h", "time": "now"},
            "--time is for one time, --start for a range: give one of them",
            id="time and range",
        ),
        pytest.param(
            {"start": "now", "end": "-1h"}, "--end is before --start", id="end before start"
        ),
        pytest.param(
            {"start": "-1h", "step": "0"}, "--step: expected more than 0, got 0", id="no step"
        ),
        pytest.param(
            {"start": "-1d", "step": "1s"},
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)",
            id="too many points",
        ),
    ],
)
def test_what_cannot_be_asked_is_told(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("promql", "up", **arguments)

    assert str(caught.value) == message


def test_a_portal_that_does_not_run_is_told_in_one_line(tmp_path: Path) -> None:
    env = {**os.environ, "DATABASE_URL": f"postgresql:///portal?host={tmp_path}"}

    done = subprocess.run(
        [sys.executable, "manage.py", "promql", "up"],
        cwd=PROJECT_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("error: the database does not answer (")
    assert done.stderr.endswith(
        "): start the portal with `make run`, or set DATABASE_URL to one that runs\n"
    )
    assert done.stderr.count("\n") == 1
