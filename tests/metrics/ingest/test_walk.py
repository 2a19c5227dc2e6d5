"""The compiled walk over a remote-write body agrees with a plain reading of it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.known_series import KnownSeries
from observability.metrics.ingest.protobuf import field, varint
from observability.metrics.ingest.remote_write import walk as module
from observability.metrics.ingest.remote_write.walk import ScatteredLabelsError, Walked, walk

from .write_requests import label, metadata, read_series, sample, series

values = st.one_of(st.binary(min_size=8, max_size=8), st.just(bytes(8)))
times = st.integers(-(2**63), 2**63 - 1)
labels = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=5)
# What later versions of the message may add.
unknown_fields = st.sampled_from(
    [b"", field(9, b"later"), b"\x58\x05", b"\x61" + bytes(8), b"\x65" + bytes(4)]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    parts = [
        series(
            draw(labels),
            *draw(st.lists(st.tuples(times, values), max_size=4)),
            more=draw(unknown_fields) + draw(st.sampled_from([b"", field(3, b""), field(4, b"")])),
        )
        for _ in range(draw(st.integers(0, 5)))
    ]
    return b"".join(parts) + draw(unknown_fields) + draw(st.sampled_from([b"", metadata(1, "m")]))


def as_array(body: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(body, np.uint8)


def read_back(body: bytes, walked: Walked) -> list[tuple[bytes, list[tuple[int, bytes]]]]:
    bits = walked.values.tobytes()
    found: list[tuple[bytes, list[tuple[int, bytes]]]] = [
        (body[start:end], []) for start, end in zip(walked.starts, walked.ends, strict=True)
    ]
    for number, (place, at) in enumerate(zip(walked.series, walked.timestamps_ms, strict=True)):
        found[place][1].append((int(at), bits[8 * number : 8 * number + 8]))
    return found


@given(bodies())
def test_walk_finds_what_a_plain_reading_finds(body: bytes) -> None:
    walked = walk(as_array(body), 0, KnownSeries())

    assert read_back(body, walked) == [(found.labels, found.samples) for found in read_series(body)]
    assert (walked.ids == -1).all()


@given(bodies())
def test_series_are_known_again_by_their_bytes_and_the_labels_added(body: bytes) -> None:
    known = KnownSeries()
    first = walk(as_array(body), 3, known)
    ids = {body[s:e]: n for n, (s, e) in enumerate(zip(first.starts, first.ends, strict=True))}
    known.add(
        as_array(body), 3, first.starts, first.ends, np.arange(len(first.ids), dtype=np.int64)
    )

    again = walk(as_array(b"\x58\x01" + body), 3, known)

    assert again.ids.tolist() == [
        ids[body[s:e]] for s, e in zip(first.starts, first.ends, strict=True)
    ]
    assert (walk(as_array(body), 4, known).ids == -1).all()


@given(bodies(), st.data())
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", None)
def test_a_body_that_is_cut_or_spoilt_is_refused_or_read_within_its_bounds(
    body: bytes, data: st.DataObject | None
) -> None:
    if data is not None and body:
        place = data.draw(st.integers(0, len(body) - 1))
        spoilt = body[:place] + data.draw(st.binary(max_size=3)) + body[place + 1 :]
        body = data.draw(st.sampled_from([body[:place], spoilt]))

    try:
        walked = walk(as_array(body), 0, KnownSeries())
    except (MalformedBodyError, ScatteredLabelsError):
        return

    assert len(walked.ids) <= len(walked.values)
    assert ((walked.starts >= 0) & (walked.starts <= walked.ends)).all()
    assert (walked.ends <= len(body)).all()


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05\x12",
        b"\x08\x01",
        b"\x0b",
        b"\x02\x00",
        field(1, field(2, b"\x09" + bytes(7))),
        field(1, field(2, b"\x0a\x00")),
        field(1, field(2, b"\x10\xff")),
        field(1, b"\x10\x00"),
        b"\x80" * 11,
        field(4, b"") + field(5, field(2, sample(1, 1.0))),
    ],
    ids=[
        "no-length",
        "too-short",
        "series-as-number",
        "group",
        "field-zero",
        "short-value",
        "value-as-bytes",
        "endless-time",
        "sample-as-number",
        "endless-tag",
        "message-of-2.0",
    ],
)
def test_what_is_not_a_write_request_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        walk(as_array(body), 0, KnownSeries())


def test_labels_that_do_not_stand_together_are_noticed() -> None:
    body = field(1, label("a", "1") + sample(1, 1.0) + label("b", "2"))

    with pytest.raises(ScatteredLabelsError):
        walk(as_array(body), 0, KnownSeries())


def test_too_many_samples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES", 3)
    body = series({"a": "1"}, *((at, 0.0) for at in range(4)))

    with pytest.raises(BodyTooLargeError, match="3 samples"):
        walk(as_array(body), 0, KnownSeries())


def test_exemplars_and_histograms_are_counted_and_metadata_noticed() -> None:
    body = series({"a": "1"}, more=field(3, b"") * 2 + field(4, b"") * 3) + metadata(1, "m") * 4

    walked = walk(as_array(body), 0, KnownSeries())

    assert (walked.exemplars.count, walked.histogram_count) == (2, 3)
    assert walked.statements.tobytes() == body
    assert not len(walk(as_array(series({"a": "1"})), 0, KnownSeries()).statements)


def test_the_last_of_repeated_fields_of_a_sample_wins() -> None:
    body = field(1, field(2, b"\x10\x01\x10" + varint(7) + b"\x09" + struct.pack("<d", 2.5)))

    walked = walk(as_array(body), 0, KnownSeries())

    assert (walked.timestamps_ms.tolist(), walked.values.tolist()) == ([7], [2.5])
