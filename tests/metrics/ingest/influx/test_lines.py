"""Reading line protocol: what is written is read back, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observability.metrics.ingest.influx.grammar import LINE
from observability.metrics.ingest.influx.lines import MAX_LINE_BYTES, Points, read_lines
from observability.metrics.ingest.influx.precision import NANOSECONDS, precision_of
from observability.metrics.ingest.influx.series import parts_of

from .points import Point, points

NOW_MS = 1_700_000_000_000
Read = list[tuple[str, dict[str, str], str, int, float]]


def read(body: bytes, *, max_values: int = 100_000, precision: str = "ns") -> list[Points]:
    return list(read_lines(body, precision_of(precision), now_ms=NOW_MS, max_values=max_values))


def contents(parts: list[Points]) -> Read:
    """Measurement, tags, field, time and value of everything that was read."""
    found: Read = []
    for part in parts:
        for place, at, value in zip(part.series, part.timestamps_ms, part.values, strict=True):
            measurement, tags, name = parts_of(part.keys[place])
            found.append((measurement, dict(tags), name, int(at), float(value)))
    return found


def faults(body: bytes) -> list[str]:
    return [str(fault) for part in read(body) for fault in part.faults]


@given(st.lists(points, max_size=6), st.sampled_from(["\n", "\r\n", "\n\n# a comment\n \n"]))
@example([Point(measurement="m\\", tags={"t\\": "v\\"}, fields={"f\\": 1.0}, timestamp=None)], "\n")
def test_what_is_written_is_read_back(written: list[Point], end: str) -> None:
    body = "".join(point.line() + end for point in written).encode()

    parts = read(body)

    assert [str(fault) for part in parts for fault in part.faults] == []
    assert contents(parts) == [
        (
            point.measurement,
            point.tags,
            name,
            NOW_MS if point.timestamp is None else point.timestamp // 1_000_000,
            value,
        )
        for point in written
        for name, value in point.numbers().items()
    ]
    assert sum(part.text_count for part in parts) == sum(
        len(point.fields) - len(point.numbers()) for point in written
    )


@given(st.lists(points, min_size=1, max_size=6), st.integers(1, 5))
def test_parts_hold_together_what_the_whole_holds(written: list[Point], max_values: int) -> None:
    body = "\n".join(point.line() for point in written).encode()

    parts = read(body, max_values=max_values)

    assert contents(parts) == contents(read(body))
    assert all(len(part.values) < max_values + 4 for part in parts)


@given(
    st.one_of(
        st.binary(max_size=60),
        st.text('m,= \\"1ntf.e+-#\r\n', max_size=60).map(str.encode),
    )
)
def test_any_bytes_are_read_or_named(body: bytes) -> None:
    parts = read(body)

    others = [match[4].strip(b" \t\r") for match in LINE.finditer(body) if match[4]]
    bad_lines = [line for line in others if line and not line.startswith(b"#")]
    # A number may be too large on a line that is right otherwise.
    assert sum(part.bad_line_count for part in parts) >= len(bad_lines)
    assert all(fault.message for part in parts for fault in part.faults)


@given(st.lists(points, max_size=4), st.lists(points, max_size=4))
def test_a_bad_line_spoils_no_other(before: list[Point], after: list[Point]) -> None:
    start = "".join(point.line() + "\n" for point in before)
    body = f"{start}m,t f=1\n{''.join(point.line() + chr(10) for point in after)}".encode()

    parts = read(body)

    assert contents(parts) == contents(
        read("\n".join(point.line() for point in [*before, *after]).encode())
    )
    assert [str(fault) for part in parts for fault in part.faults] == [
        f"line {start.count(chr(10)) + 1}: expected a tag as name=value, got 't f=1'"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("+1.5", 1.5),
        ("-.5e-3", -0.0005),
        ("5.", 5.0),
        ("1E3", 1000.0),
        ("-7i", -7.0),
        ("7u", 7.0),
        ("18446744073709551615u", 1.8446744073709552e19),
        *((word, 1.0) for word in ("t", "T", "true", "True", "TRUE")),
        *((word, 0.0) for word in ("f", "F", "false", "False", "FALSE")),
    ],
)
def test_values_are_read(text: str, value: float) -> None:
    [part] = read(f"m f={text}".encode())

    assert part.values.tolist() == [value]


@pytest.mark.parametrize(
    "text", ["", "x", "1x", "0x10", "1_0", "nan", "NaN", "inf", "1.5i", "--1", "tRUE", "truer", "."]
)
def test_what_is_no_value_is_named(text: str) -> None:
    [fault] = faults(f"m f={text}".encode())

    assert fault.startswith(f"line 1: the value of the field 'f' is {text!r}; expected a number")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("m", "there are no fields"),
        ("m,t=1", "there are no fields"),
        ("m f", "expected a field as name=value, got 'f'"),
        ("m f=1,", "expected a field as name=value, got ''"),
        ("m f=1,=2", "expected a field as name=value, got '=2'"),
        ("m,t f=1", "expected a tag as name=value, got 't f=1'"),
        ("m,t= f=1", "expected a tag as name=value, got 't= f=1'"),
        ("m,t=a=b f=1", "expected a tag as name=value, got '=b f=1'"),
        ('m f="open', "the text of the field 'f' has no closing quote"),
        ("m f=1 soon", "expected a whole number as timestamp, got 'soon'"),
        ("m f=1 1.5", "expected a whole number as timestamp, got '1.5'"),
        ("m f=1 1 2", "expected a whole number as timestamp, got '1 2'"),
        (f"m f=1 {'9' * 19}", f"the timestamp '{'9' * 19}' is not a 64-bit number"),
        ("m f=1e999", "a number is larger than 64 bits can hold"),
        ("m f=" + "1" * 100 + "x", "the value of the field 'f' is '" + "1" * 60 + "...'"),
        ("m f=" + "1" * MAX_LINE_BYTES, "it is longer than 1,048,576 bytes"),
    ],
    ids=lambda text: text[:20],
)
def test_a_bad_line_is_named_with_its_fault(line: str, fault: str) -> None:
    [named] = faults(f"m f=1\n\n{line}\nm f=2\n".encode())

    assert named.startswith(f"line 3: {fault}")


def test_few_faults_are_named_and_all_counted() -> None:
    [part] = read(b"m\n" * 1000)

    assert (len(part.faults), part.bad_line_count) == (10, 1000)


def test_a_text_may_go_over_several_lines() -> None:
    [part] = read(b'm s="one\ntwo",f=1\nm f=x\n')

    assert (part.values.tolist(), part.text_count) == ([1.0], 1)
    assert [fault.line for fault in part.faults] == [3]


@pytest.mark.parametrize(
    ("precision", "timestamp", "milliseconds"),
    [
        ("", "1700000000123456789", 1_700_000_000_123),
        ("ns", "-1", -1),
        ("n", "1700000000123456789", 1_700_000_000_123),
        ("us", "1700000000123456", 1_700_000_000_123),
        ("u", "1700000000123456", 1_700_000_000_123),
        ("µ", "1700000000123456", 1_700_000_000_123),
        ("ms", "1700000000123", 1_700_000_000_123),
        ("s", "1700000000", 1_700_000_000_000),
        ("m", "28333333", 1_699_999_980_000),
        ("h", "472222", 1_699_999_200_000),
        ("h", "8" * 19, (2**63 - 1) // 3_600_000 * 3_600_000),
    ],
)
def test_timestamps_count_what_the_precision_says(
    precision: str, timestamp: str, milliseconds: int
) -> None:
    [part] = read(f"m f=1 {timestamp}".encode(), precision=precision)

    assert part.timestamps_ms.tolist() == [milliseconds]


def test_equal_series_are_found_once() -> None:
    [part] = read(b"m,t=1 a=1,b=2\nm,t=2 a=3\nm,t=1 b=4\n")

    assert part.keys == [b"m,t=1 a", b"m,t=1 b", b"m,t=2 a"]
    assert part.series.tolist() == [0, 1, 2, 1]


def test_nanoseconds_are_the_usual_precision() -> None:
    assert precision_of("") is NANOSECONDS
