"""Texts of metrics become arrays, and faults are named by their line."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_oracle,
)
from prometheus_client.parser import text_string_to_metric_families

from observability.metrics.errors import BodyTooLargeError
from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest.exposition_text import parsing
from observability.metrics.ingest.exposition_text.exemplar import decode_exemplar
from observability.metrics.ingest.exposition_text.exposition import (
    NO_TIMESTAMP,
    Exposition,
    TextFormat,
    format_of,
)
from observability.metrics.ingest.exposition_text.faults import ExpositionError
from observability.metrics.ingest.exposition_text.parsing import parse, parse_lines
from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.samples import Metadata, MetricType
from observability.promql.labels import METRIC_NAME

PROMETHEUS, OPENMETRICS = TextFormat.PROMETHEUS, TextFormat.OPENMETRICS

# Each with its labels, its value and its time, which is None or milliseconds.
Line = tuple[dict[str, str], float, int | None]

_names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
_label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name != METRIC_NAME
)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_times = st.none() | st.integers(-(10**13), 10**13)


@st.composite
def _lines(draw: st.DrawFn) -> Line:
    labels = draw(st.dictionaries(_label_names, _texts, max_size=4))
    return {METRIC_NAME: draw(_names), **labels}, draw(st.floats()), draw(_times)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'"{escaped}"'


def _written(lines: list[Line], text_format: TextFormat) -> bytes:
    written = []
    for labels, value, time_ms in lines:
        pairs = ",".join(f"{n}={_quoted(v)}" for n, v in labels.items() if n != METRIC_NAME)
        braces = f"{{{pairs}}}" if pairs else ""
        time = "" if time_ms is None else f" {time_ms}"
        if time_ms is not None and text_format is OPENMETRICS:
            time = f" {time_ms / 1000}"
        written.append(f"{labels[METRIC_NAME]}{braces} {value}{time}\n")
    return ("".join(written) + ("# EOF\n" if text_format is OPENMETRICS else "")).encode()


def _read(exposition: Exposition) -> list[Line]:
    times = exposition.times(NO_TIMESTAMP).tolist()
    return [
        (decode_key(key), value, None if time == NO_TIMESTAMP else time)
        for key, value, time in zip(exposition.keys, exposition.values.tolist(), times, strict=True)
    ]


def _same(lines: list[Line], others: list[Line]) -> bool:
    return [(labels, time) for labels, _, time in lines] == [
        (labels, time) for labels, _, time in others
    ] and np.array_equal([v for _, v, _ in lines], [v for _, v, _ in others], equal_nan=True)


@pytest.mark.parametrize("text_format", TextFormat)
@given(lines=st.lists(_lines(), max_size=6))
def test_what_is_written_is_read_again(lines: list[Line], text_format: TextFormat) -> None:
    assert _same(_read(parse(_written(lines, text_format), text_format)), lines)


@given(lines=st.lists(_lines(), max_size=6))
def test_the_client_library_reads_the_same(lines: list[Line]) -> None:
    # The library takes a carriage return and its kin for the end of a line, which they are not.
    lines = [line for line in lines if all(v.isprintable() for v in line[0].values())]
    text = _written(lines, PROMETHEUS)

    read = _read(parse(text, PROMETHEUS))

    theirs = [
        ({METRIC_NAME: sample.name, **sample.labels}, sample.value, sample.timestamp)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    ]
    assert [labels for labels, _, _ in theirs] == [labels for labels, _, _ in read]
    assert np.array_equal([v for _, v, _ in theirs], [v for _, v, _ in read], equal_nan=True)
    assert [t and round(float(t) * 1000) for _, _, t in theirs] == [t for _, _, t in read]


@given(
    help_text=_texts,
    label=_texts,
    amounts=st.lists(st.floats(0, 1e9), max_size=5),
)
def test_what_the_client_library_exposes_is_read(
    help_text: str, label: str, amounts: list[float]
) -> None:
    registry = CollectorRegistry()
    counter = Counter("jobs", help_text, ["queue"], registry=registry)
    histogram = Histogram("wait_seconds", help_text, unit="seconds", registry=registry)
    summary = Summary("size", help_text, registry=registry)
    Gauge("depth", help_text, registry=registry).set(math.nan)
    Info("build", help_text, registry=registry).info({"version": label})
    for amount in amounts:
        counter.labels(label).inc(amount, exemplar={"trace": "a b # c"})
        histogram.observe(amount)
        summary.observe(amount)
    text = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # prometheus_client's

    exposition = parse(text, OPENMETRICS)

    families = list(openmetrics_oracle(text.decode()))  # type: ignore[no-untyped-call]  # prometheus_client's
    theirs = [sample for family in families for sample in family.samples]
    assert [decode_key(key) for key in exposition.keys] == [
        {METRIC_NAME: sample.name, **sample.labels} for sample in theirs
    ]
    assert np.array_equal(
        exposition.values, [float(sample.value) for sample in theirs], equal_nan=True
    )
    assert {
        place: decode_exemplar(told, default_ms=5) for place, told in exposition.exemplars.items()
    } == {
        place: Exemplar(
            labels=their.labels,
            value=their.value,
            timestamp_ms=5 if their.timestamp is None else round(float(their.timestamp) * 1000),
            has_own_time=their.timestamp is not None,
        )
        for place, sample in enumerate(theirs)
        if (their := sample.exemplar)
    }
    assert {name: said.help.strip() for name, said in exposition.metadata.items()} == {
        name: family.documentation.strip()
        for family in families
        for name in [family.name + ("_info" if family.type == "info" else "")]
    }
    assert len(parse(generate_latest(registry), PROMETHEUS)) == len(theirs)


def test_all_that_prometheus_allows_is_read() -> None:
    text = (
        b"# a comment\n"
        b"#\n"
        b"# HELP\n"
        b"# TYPE up\n"
        b"\n"
        b" \t \n"
        b'#HELP   up   Whether it is \\\\ up\\n, \\"yes\\".\n'
        b"#\tTYPE\tup\tgauge\n"
        b"up 1\n"
        b'up{ a = "b" , c="d}#{\\"", } \t +Inf \t -5\t\n'
        b"  up {} .5e-3 1700000000000\n"
        b'up{path="C:\\dir"}nan\n'
        b'{"my.metric", "a.b"="\xc3\xa9"} -0x'
    )[:-1].replace(b" -0", b" -0")

    exposition = parse(text, PROMETHEUS)

    assert _same(
        _read(exposition),
        [
            ({METRIC_NAME: "up"}, 1, None),
            ({METRIC_NAME: "up", "a": "b", "c": 'd}#{"'}, math.inf, -5),
            ({METRIC_NAME: "up"}, 0.0005, 1_700_000_000_000),
            ({METRIC_NAME: "up", "path": "C:\\dir"}, math.nan, None),
            ({METRIC_NAME: "my.metric", "a.b": "é"}, 0, None),
        ],
    )
    assert exposition.metadata == {
        "up": Metadata(type=MetricType.GAUGE, help='Whether it is \\ up\n, \\"yes\\".')
    }


def test_openmetrics_says_types_units_and_beginnings() -> None:
    text = (
        b"# TYPE jobs_seconds counter\n"
        b"# UNIT jobs_seconds seconds\n"
        b'# HELP jobs_seconds Time \\"spent\\".\n'
        b'jobs_seconds_total{a="b"} 5.0 1700000000.25 # {trace="x y"} 0.5 1700000000\n'
        b'jobs_seconds_created{a="b"} 1699999999.5\n'
        b"# TYPE state stateset\n"
        b'state{state="on"} 1\n'
        b"# TYPE sizes gaugehistogram\n"
        b'sizes_bucket{le="+Inf"} 3 # {} 1\n'
        b"# TYPE made_created gauge\n"
        b"made_created 7\n"
        b"# EOF"
    )

    exposition = parse(text, OPENMETRICS)

    assert exposition.times(5).tolist() == [1_700_000_000_250, 5, 5, 5, 5]
    assert len(exposition.exemplars) == 2
    assert exposition.metadata["jobs_seconds"] == Metadata(
        type=MetricType.COUNTER, help='Time "spent".', unit="seconds"
    )
    assert {
        n: said.type for n, said in exposition.metadata.items() if said.help == ""
    } == dict.fromkeys(
        ["state", "sizes_bucket", "sizes_gsum", "sizes_gcount", "made_created"], MetricType.GAUGE
    )


@pytest.mark.parametrize("text_format", TextFormat)
def test_a_text_of_nothing_holds_nothing(text_format: TextFormat) -> None:
    exposition = parse(b"# EOF\n" if text_format is OPENMETRICS else b"", text_format)

    assert len(exposition) == 0
    assert exposition.times(1).tolist() == []


def test_a_second_type_is_told_and_wins() -> None:
    exposition = parse(b"# TYPE a gauge\n# TYPE a counter\n# TYPE b gauge\na 1\n", PROMETHEUS)

    assert exposition.retyped == {"a"}
    assert exposition.metadata["a"].type == MetricType.COUNTER


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("up", "the value of 'up' is missing"),
        ("up ", "the value of 'up' is missing"),
        ("up one", "expected a number as the value of 'up'; got 'one'"),
        ("up 1_000", "expected a number as the value of 'up'; got '1_000'"),
        ("up 0x1p3", "expected a number as the value of 'up'; got '0x1p3'"),
        ("up 1e999", "the value '1e999' is too large for a 64-bit float"),
        ("up 1 now", "expected a timestamp in milliseconds, as a whole number"),
        ("up 1 1.5", "expected a timestamp in milliseconds, as a whole number"),
        ("up 1 1 1", "expected the end of the line after value and timestamp; got '1'"),
        ("up 1\r", "lines end with \\n"),
        ("1up 1", "expected the name of a metric; got '1up 1'"),
        ("my-up 1", "'my-up' is not the name of a metric"),
        ('up{a="b" 1', "the brace is not closed"),
        ('up{a="b} 1', "the quote is not closed"),
        ("up{a=b} 1", "expected labels such as"),
        ('up{a="b" c="d"} 1', "expected labels such as"),
        ('up{0a="b"} 1', "expected labels such as"),
        ('up{a-b="c"} 1', "expected labels such as"),
        ('{a="b"} 1', "the series has no metric name"),
        ('up{"down"} 1', "expected labels such as"),
        ("# TYPE up thing", "'thing' is not a type for up; expected one of counter"),
        ("# HELP my-up text", "expected the name of a metric after HELP"),
        ("# TYPE {up} gauge", "expected the name of a metric after TYPE"),
    ],
)
def test_a_fault_of_a_prometheus_text_is_named_with_its_line(line: str, fault: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        parse(f"# HELP a b\n\na 1\n{line}\na 2\n".encode(), PROMETHEUS)

    assert caught.value.line == 4
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("", 1, "does not end with '# EOF'"),
        ("a 1\n", 1, "does not end with '# EOF'"),
        ("a 1\n# EOF\nb 1\n", 2, "there is more after '# EOF'"),
        ("# EOF\n# EOF\n", 1, "there is more after '# EOF'"),
        ("a 1\n\n# EOF\n", 2, "the line is empty"),
        ("a 1\n# a comment\n# EOF\n", 2, "OpenMetrics has no other comments"),
        ("# TYPE a untyped\n# EOF", 1, "'untyped' is not a type for a"),
        ("# UNIT a_bytes seconds\n# EOF", 1, "the unit 'seconds' is not the end of"),
        ("a  1\n# EOF\n", 1, "exactly one blank"),
        ("a\n# EOF\n", 1, "the value of 'a' is missing"),
        ("a 1 \n# EOF\n", 1, "exactly one blank"),
        ("a one\n# EOF\n", 1, "expected a number as the value of 'a'; got 'one'"),
        ("a 1 then\n# EOF\n", 1, "expected a timestamp in seconds"),
        ("a 1\na 1 1e99\n# EOF\n", 2, "the timestamp '1e99' is too large"),
        ("a 1 1700000000000\n# EOF\n", 1, "too large; OpenMetrics has it in seconds"),
        ("a 1 # {b} 1\n# EOF\n", 1, "the exemplar of 'a' is not"),
        ('a 1 # {b="c"}\n# EOF\n', 1, "the exemplar of 'a' is not"),
    ],
)
def test_a_fault_of_an_openmetrics_text_is_named_with_its_line(
    text: str, line: int, fault: str
) -> None:
    with pytest.raises(ExpositionError) as caught:
        parse(text.encode(), OPENMETRICS)

    assert caught.value.line == line
    assert fault in str(caught.value)


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ExpositionError, match="line 2: the text is not valid UTF-8"):
        parse(b'a 1\na{b="\xff"} 1\n', PROMETHEUS)


def test_lines_are_counted_from_where_a_part_begins() -> None:
    with pytest.raises(ExpositionError, match="line 12: "):
        parse_lines(b"a 1\na one\n", PROMETHEUS, first_line=11)


def test_a_text_of_too_many_lines_is_refused_before_it_is_read() -> None:
    with pytest.raises(BodyTooLargeError, match="1,000,000 lines"):
        parse(b"\n" * (parsing.MAX_LINES + 1), PROMETHEUS)


@given(st.binary(max_size=60) | _texts.map(str.encode), st.sampled_from(TextFormat))
def test_no_bytes_end_in_anything_but_a_refusal(text: bytes, text_format: TextFormat) -> None:
    with suppress(ExpositionError):
        exposition = parse(text, text_format)
        assert len(_read(exposition)) == len(exposition.values)


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("", PROMETHEUS),
        ("text/plain", PROMETHEUS),
        ("text/plain; version=0.0.4; charset=utf-8", PROMETHEUS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
        ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily", None),
        ("text/html", None),
    ],
)
def test_a_content_type_names_a_format(media_type: str, expected: TextFormat | None) -> None:
    assert format_of(media_type) is expected
