"""`manage.py import_metrics` as people use it."""

from __future__ import annotations

import gzip
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from observability.metrics.importing import chunks, progress
from observability.metrics.importing.errors import ImportFailedError
from observability.metrics.importing.formats import FileFormat
from observability.metrics.importing.importer import Options, import_file
from observability.metrics.importing.models import ImportedFile
from observability.metrics.models import Metric, RetentionPolicy, SampleLog, Series
from observability.metrics.store import log, retention

pytestmark = pytest.mark.django_db

# The same in all processes of a run, since it is part of the names of cases.
T = int(time.time()) // 86_400 * 86_400 - 3600
ISO = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(T))

OPENMETRICS = (
    f"# TYPE jobs counter\n# HELP jobs Work done.\n"
    f'jobs_total{{queue="a"}} 1 {T}\njobs_total{{queue="a"}} 2 {T + 15}.5\n'
    f'jobs_total{{queue="b"}} 3 {T} # {{trace="x"}} 1\n# EOF\n'
)
CSV = (
    f"timestamp,metric,value,queue,note\n{T},jobs_total,1,a,\n{T + 15}.5,jobs_total,2,a,\n"
    f'{ISO},jobs_total,3,b,""\n'
)
OBJECTS: list[dict[str, object]] = [
    {"name": "jobs_total", "labels": {"queue": "a"}, "value": 1, "timestamp": T, "type": "counter"},
    {"name": "jobs_total", "labels": {"queue": "a"}, "value": 2, "timestamp": T + 15.5},
    {"name": "jobs_total", "labels": {"queue": "b"}, "value": 3, "timestamp": ISO},
]
JSON = json.dumps(OBJECTS, indent=2)
NDJSON = "".join(f"{json.dumps(o)}\n" for o in OBJECTS)
SAME = {
    'jobs_total{queue="a"}': [(T * 1000, 1.0), (T * 1000 + 15_500, 2.0)],
    'jobs_total{queue="b"}': [(T * 1000, 3.0)],
}

Write = Callable[[str, str | bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def run(*arguments: str) -> tuple[str, str]:
    """Run the command; return what it printed, and what it said on standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_metrics", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def stored() -> dict[str, list[tuple[int, float]]]:
    names = {series.pk: str(series) for series in Series.objects.select_related("metric")}
    found: dict[str, list[tuple[int, float]]] = {}
    for row in SampleLog.objects.order_by("pk"):
        part = log.decode(row.data)
        for series_id, at, value in zip(
            part.series_ids.tolist(), part.timestamps_ms.tolist(), part.values.tolist(), strict=True
        ):
            found.setdefault(names[series_id].removesuffix("{}"), []).append((at, value))
    return found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.om", OPENMETRICS),
        ("a.txt", OPENMETRICS.rstrip("\n")),
        ("a.prom.gz", gzip.compress(OPENMETRICS.encode())),
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV.replace("\n", "\r\n").replace("metric", "name")),
        ("a.csv.gz", gzip.compress(CSV.encode())),
        ("a.json", JSON),
        ("a.json", json.dumps(OBJECTS)),
        ("a.ndjson", NDJSON),
        ("a.jsonl.gz", gzip.compress(NDJSON.encode())),
    ],
    ids=[
        "om",
        "no-end",
        "om-gz",
        "csv",
        "excel",
        "csv-gz",
        "json",
        "one-line",
        "ndjson",
        "ndjson-gz",
    ],
)
def test_a_file_is_imported_by_what_its_name_says(
    write: Write, name: str, content: str | bytes
) -> None:
    path = write(name, content)

    out, err = run(path)

    assert stored() == SAME
    assert out.startswith(f"{path}: imported 3 samples of 2 series, from {ISO[:19]}.000+00:00 to ")
    assert err == ""


@pytest.mark.parametrize(
    ("file_format", "content"), [("openmetrics", OPENMETRICS), ("csv", CSV), ("json", NDJSON)]
)
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
def test_standard_input_is_imported(
    monkeypatch: pytest.MonkeyPatch, file_format: str, content: str, is_packed: bool
) -> None:
    data = gzip.compress(content.encode()) if is_packed else content.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))

    run("-", "--format", file_format)

    assert stored() == SAME
    assert not ImportedFile.objects.exists()


def test_what_a_file_says_of_metrics_is_kept(write: Write) -> None:
    run(write("a.om", OPENMETRICS))

    metric = Metric.objects.get(name="jobs_total")
    assert (metric.type, metric.help) == ("counter", "Work done.")


def test_labels_are_added_and_win(write: Write) -> None:
    run(write("a.om", OPENMETRICS), "--label", "system=shop", "--label", "queue=z")

    assert list(stored()) == ['jobs_total{queue="z",system="shop"}']


def test_several_files_are_imported_in_turn(write: Write) -> None:
    out, _ = run(write("a.om", OPENMETRICS), write("b.csv", f"metric,time,value\nup,{T},1\n"))

    assert out.count("imported") == 2
    assert len(stored()) == 3


def test_a_dry_run_writes_nothing_and_says_what_there_is(write: Write) -> None:
    out, _ = run(write("a.om", OPENMETRICS), "--dry-run")

    assert "holds 3 samples of 2 series" in out
    assert "nothing was written" in out
    assert not Series.objects.exists()
    assert not ImportedFile.objects.exists()


def test_a_file_that_was_imported_is_not_imported_again_unless_asked(write: Write) -> None:
    run(write("a.om", OPENMETRICS))
    copy = write("copy.om", OPENMETRICS)

    second, _ = run(copy)
    rows = SampleLog.objects.count()
    third, _ = run(copy, "--again")

    assert "imported before, on 20" in second
    assert "(3 samples); --again imports it once more" in second
    assert rows == 1
    assert "imported 3 samples" in third
    assert SampleLog.objects.count() == 2


def test_the_same_file_with_other_labels_is_another_import(write: Write) -> None:
    path = write("a.om", OPENMETRICS)
    run(path)

    out, _ = run(path, "--label", "replica=b")

    assert "imported 3 samples" in out


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.om", "up {n} {t}\n"),
        ("a.csv", "up,{n},{t}\n"),
        ("a.ndjson", '{{"name": "up", "value": {n}, "timestamp": {t}}}\n'),
        ("a.ndjson.gz", '{{"name": "up", "value": {n}, "timestamp": {t}}}\n'),
        ("a.json", '{{"name": "up",\n "value": {n}, "timestamp": {t}}},'),
    ],
    ids=["om", "csv", "ndjson", "gzip", "json"],
)
def test_an_import_that_was_interrupted_goes_on_where_it_was(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str, line: str
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 300)
    lines = [line.format(n=n, t=T + n) for n in range(100)]
    lines[60] = line.format(n="what", t=T + 60)
    text = "".join(lines)
    around = {"om": "{}# EOF\n", "csv": "metric,value,time\n{}", "json": "[{}]"}
    text = around.get(name[2:], "{}").replace("{}", text)
    path = write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    with pytest.raises(CommandError):
        run(path)
    before = len(stored()["up"])

    out, _ = run(path, "--skip-bad-lines")

    assert 0 < before < 60
    right = [n for n in range(100) if n != 60]
    assert stored()["up"] == [((T + n) * 1000, float(n)) for n in right]
    assert "imported 99 samples" in out
    assert "went on at line" in out


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.om", f"up 1 {T}\nup one {T}\n# EOF\n", "line 2: expected a number as the value"),
        ("a.om", f"up 1 {T}\nup 2\n# EOF\n", "line 2: a sample of a file needs a timestamp"),
        ("a.om", f"up 1 {T}\n", "line 1: the text does not end with '# EOF'"),
        ("a.om", "", ""),
        ("a.om", f'up 1 {T}\nup{{a="1",a="2"}} 1 {T}\n# EOF\n', "line 2: the label 'a' stands twice"),
        ("a.om", f"up 1 {T}\nup 1 {T + 10**6}\n# EOF\n", "line 2: more than 10 minutes in the fut"),
        ("a.csv", "metric,value\n", "line 1: the column 'timestamp' or 'time' is missing"),
        ("a.csv", "metric,value,time,a,a\n", "the column 'a' is there twice"),
        ("a.csv", f"metric,value,time\rup,1,{T}\r", "line 1: not a line of CSV"),
        ("a.csv", f"metric,value,time\nup,1,{T}\nup,x,{T}\n", "line 3: expected a number, or NaN"),
        ("a.csv", "metric,value,time\nup,1,soon\n", "line 2: expected Unix seconds or ISO 8601"),
        ("a.csv", f"metric,value,time\nup,1,{T}000\n", "line 2: the time"),
        ("a.csv", f"metric,value,time\nup,1,{T},\n", "line 2: expected 3 cells; got 4"),
        ("a.csv", f'metric,value,time\nup,1,"{T}\n', "line 2: not a line of CSV"),
        ("a.csv", f"metric,value,time\n0up,1,{T}\n", "line 2: '0up' is not a metric name"),
        ("a.json", '[\n{"name": "up", "value": 1}\n]', "line 2: a sample of a file needs a time"),
        ("a.json", '[\n{"name": "up", "valu": 1}\n]', "line 2: Object contains unknown field"),
        ("a.json", f'[{{"name": "up", "value": 1, "timestamp": {T}}},\n{{"name"', "line 2: expected an object"),
        ("a.ndjson", f'{{"name": "up", "value": 1, "timestamp": {T}}}\nup 1\n', "line 2: expected an object"),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named_and_nothing_of_its_batch_written(
    write: Write, name: str, content: str, fault: str
) -> None:
    if not fault:
        assert "imported 0 samples" in run(write(name, content))[0]
        return
    path = write(name, content)

    with pytest.raises(CommandError) as caught:
        run(path)

    assert path in str(caught.value)
    assert fault in str(caught.value)
    assert not SampleLog.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.om", f"up 1 {T}\nup one {T}\nup 2\n0 1 {T}\nup 3 {T + 1}\n", [2, 3, 4, 5]),
        ("a.csv", f"metric,value,time\nup,1,{T}\nup,x,{T}\nup,2,,\nup,3,{T + 1}\n", [3, 4]),
        (
            "a.ndjson",
            f'{{"name":"up","value":1,"timestamp":{T}}}\nup\n{{"name":"up"}}\n{{"na\n'
            f'{{"name":"up","value":3,"timestamp":{T + 1}}}\n',
            [2, 3, 4],
        ),
    ],
    ids=["openmetrics", "csv", "ndjson"],
)
def test_bad_lines_are_skipped_and_counted_when_asked(
    write: Write, name: str, content: str, lines: list[int]
) -> None:
    out, err = run(write(name, content), "--skip-bad-lines")

    assert stored() == {"up": [(T * 1000, 1.0), ((T + 1) * 1000, 3.0)]}
    assert "imported 2 samples" in out
    assert f"skipped {len(lines)} lines" in err
    assert [int(line.split()[1].rstrip(":")) for line in err.splitlines()[1:]] == lines


def test_old_samples_are_imported_with_a_warning_that_names_the_setting(write: Write) -> None:
    RetentionPolicy.objects.create(pattern="kept_.*", raw_days=4000)
    retention.forget()
    old = T - 3000 * 86_400
    path = write("a.om", f"kept_long 1 {old}\nold 1 {old}\nold 2 {T}\nnew 1 {T}\n# EOF\n")

    _, err = run(path)

    assert stored()["old"] == [(old * 1000, 1.0), (T * 1000, 2.0)]
    assert "old (30 days)." in err
    assert "kept_long" not in err
    assert "raise 'raw samples, days' of their retention policy" in err


def test_a_record_that_does_not_end_is_refused_at_bounded_memory(write: Write) -> None:
    path = write("a.csv.gz", gzip.compress(b"metric,value,time\n" + b"x" * 30_000_000))

    with pytest.raises(CommandError, match="line 2: longer than 1,048,576 bytes"):
        run(path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (gzip.compress(OPENMETRICS.encode())[:-10], "ended before"),
        (b"\x1f\x8b\x08x", r"a.om.gz: \w+"),
    ],
    ids=["cut-off", "broken"],
)
def test_a_compressed_file_that_is_broken_is_refused(
    write: Write, content: bytes, fault: str
) -> None:
    with pytest.raises(CommandError, match=fault):
        run(write("a.om.gz", content))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["nowhere.om"], "nowhere.om: No such file or directory"),
        (["a.parquet"], "does not say the format; give --format"),
        (["-"], "give --format"),
        (["a.om", "--label", "x"], "expected NAME=VALUE"),
        (["a.om", "--label", "__x=y"], "reserved"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        run(*arguments)


def test_two_processes_do_not_import_one_file_at_once(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 100)
    path = write("a.csv", CSV)

    def overtake(source: object, outcome: object) -> None:
        ImportedFile.objects.update(offset=F("offset") + 1)

    with pytest.raises(ImportFailedError, match="another process imports this file"):
        import_file(path, FileFormat.CSV, Options(), tell=overtake)


def test_progress_is_told_on_a_terminal(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS_ON_TERMINAL", 0)
    terminal = Terminal()

    call_command(
        "import_metrics", write("a.om", OPENMETRICS), stdout=io.StringIO(), stderr=terminal
    )

    assert "[####################] 100%, 3 samples" in terminal.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
