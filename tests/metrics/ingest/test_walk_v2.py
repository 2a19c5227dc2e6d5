"""The compiled walk over a remote-write 2.0 body agrees with a plain reading of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.known_series import KnownSeries
from observability.metrics.ingest.protobuf import field, fields, varint
from observability.metrics.ingest.remote_write import walk as walk_v1
from observability.metrics.ingest.remote_write import walk_v2 as module
from observability.metrics.ingest.remote_write.walk import Walked
from observability.metrics.ingest.remote_write.walk_v2 import walk

from .test_walk import as_array, read_back, times, unknown_fields, values
from .write_requests import (
    Symbols,
    label,
    read_series_v2,
    read_statements_v2,
    refs,
    sample,
    series,
)

texts = st.one_of(st.text(max_size=12), st.sampled_from(["__name__", "up", "x" * 200]))
labels = st.lists(st.tuples(texts, texts), max_size=5)
rarer = st.sampled_from([b"", field(3, b""), field(4, b""), b"\x30\x05"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    symbols = Symbols()
    parts = []
    for _ in range(draw(st.integers(0, 5))):
        more = draw(unknown_fields) + draw(rarer)
        if draw(st.booleans()):
            more += symbols.metadata(draw(st.integers(0, 9)), draw(texts), draw(texts))
        pairs = draw(labels)
        samples = draw(st.lists(st.tuples(times, values), max_size=4))
        content = symbols.series(pairs, *samples, more=more)
        if draw(st.booleans()):
            # The fields of a message may come in any order, and numbers one by one.
            singly = b"".join(b"\x08" + varint(symbols.ref(t)) for pair in pairs for t in pair)
            content = more + b"".join(sample(at, value) for at, value in samples) + singly
        parts.append(content)
    message = symbols.message(*parts) + draw(unknown_fields)
    if draw(st.booleans()):
        # The symbols may come last.
        order = sorted(fields(message), key=lambda part: -part[0] if part[0] < 9 else 0)
        message = b"".join(field(n, part) for n, _, part in order if isinstance(part, bytes))
    return message


def walked(body: bytes, *, known: KnownSeries | None = None, realm: int = 0) -> Walked:
    return walk(as_array(body), realm, known or KnownSeries(), KnownSeries())


@given(bodies())
def test_walk_finds_what_a_plain_reading_finds(body: bytes) -> None:
    found = walked(body)

    assert read_back(found.keys.tobytes(), found) == [
        (series.labels, series.samples) for series in read_series_v2(body)
    ]
    assert (found.ids == -1).all()


@given(bodies())
def test_series_of_both_versions_are_the_same(body: bytes) -> None:
    first = walked(body)
    known = KnownSeries()
    ids = np.arange(len(first.ids), dtype=np.int64)
    known.add(first.keys, 3, first.starts, first.ends, ids)
    in_v1 = b"".join(
        field(1, found.labels + field(2, b"")) for found in read_series_v2(body) if found.samples
    )

    again = walked(body, known=known, realm=3)

    assert again.ids.tolist() == walk_v1.walk(as_array(in_v1), 3, known).ids.tolist()
    assert (again.ids >= 0).all()
    assert (walked(body, known=known, realm=4).ids == -1).all()


@given(bodies())
def test_what_is_said_about_metrics_is_written_as_1_0_does(body: bytes) -> None:
    found = walked(body)

    said = {
        name: (kind, help_text, unit)
        for _, _, statement in fields(found.statements.tobytes())
        for name, kind, help_text, unit in [statement_of(statement)]
    }
    assert said == {
        name: said for name, said in read_statements_v2(body).items() if said != (0, b"", b"")
    }
    assert found.stated is not None
    assert [names_of(found, place) for place in range(len(said))] == list(said)


def statement_of(message: bytes | int) -> tuple[bytes, int, bytes, bytes]:
    assert isinstance(message, bytes)
    parts: dict[int, object] = {number: content for number, _, content in fields(message)}
    name, kind, help_text, unit = (parts[number] for number in (2, 1, 4, 5))
    assert isinstance(name, bytes)
    assert isinstance(kind, int)
    assert isinstance(help_text, bytes)
    assert isinstance(unit, bytes)
    return name, kind, help_text, unit


def names_of(found: Walked, place: int) -> bytes:
    assert found.stated is not None
    return found.stated.names[found.stated.starts[place] : found.stated.ends[place]].tobytes()


def test_a_statement_is_heard_once_until_another_is_made() -> None:
    heard = KnownSeries()
    news = []
    for help_text in ("Jobs.", "Jobs.", "Jobs done.", "Jobs.", "Jobs."):
        symbols = Symbols()
        content = symbols.series(
            {"__name__": "jobs_total"}, (1, 1.0), more=symbols.metadata(1, help_text)
        )
        found = walk(as_array(symbols.message(content, content)), 0, KnownSeries(), heard)
        assert found.stated is not None
        stated = found.stated
        heard.add(stated.names, 0, stated.starts, stated.ends, stated.hashes)
        news.append(len(stated.hashes))

    assert news == [1, 0, 1, 1, 0]


def test_statements_that_do_not_fit_are_left_for_the_next_body() -> None:
    symbols = Symbols()
    parts = [
        symbols.series(
            {"__name__": f"m{number}"}, (1, 1.0), more=symbols.metadata(1, "x" * 100_000)
        )
        for number in range(200)
    ]
    body = symbols.message(*parts)

    found = walked(body)

    assert found.stated is not None
    assert 50 < len(found.stated.hashes) < 100
    assert len(found.statements) <= module.STATEMENT_BYTES
    assert len(found.ids) == 200


@given(bodies(), st.data())
def test_a_body_that_is_cut_or_spoilt_is_refused_or_read_within_its_bounds(
    body: bytes, data: st.DataObject
) -> None:
    if body:
        place = data.draw(st.integers(0, len(body) - 1))
        spoilt = body[:place] + data.draw(st.binary(max_size=3)) + body[place + 1 :]
        body = data.draw(st.sampled_from([body[:place], spoilt]))

    try:
        found = walked(body)
    except MalformedBodyError:
        return

    assert len(found.ids) <= len(found.values)
    assert ((found.starts >= 0) & (found.starts <= found.ends)).all()
    assert (found.ends <= len(found.keys)).all()


UP = field(4, b"") + field(4, b"__name__") + field(4, b"up")
ONE = sample(1, 1.0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x22", "not a protobuf message"),
        (b"\x20\x01", "not a protobuf message"),
        (b"\x28\x01", "not a protobuf message"),
        (UP + field(5, b"\x10\x00"), "not a protobuf message"),
        (UP + field(5, b"\x0a\x05\x01"), "not a protobuf message"),
        (UP + field(5, field(1, b"\xff")), "not a protobuf message"),
        (UP + field(5, refs(1, 2) + field(2, b"\x10\xff")), "not a protobuf message"),
        (UP + field(5, refs(1, 2) + ONE + field(5, b"\xff")), "not a protobuf message"),
        (UP + field(5, refs(1, 2) + ONE + field(5, b"\x1a\x00")), "not a protobuf message"),
        (UP + field(5, refs(1, 2, 1) + ONE), "even in number"),
        (UP + field(5, refs(1, 2, 1)), "even in number"),
        (UP + field(5, refs(1, 3) + ONE), "refers to a symbol"),
        (UP + field(5, refs(1, 2**64 - 1) + ONE), "refers to a symbol"),
        (field(5, refs(0, 0) + ONE), "refers to a symbol"),
        (UP + field(5, refs(1, 2) + ONE + field(5, b"\x18\x03")), "refers to a symbol"),
        (UP + field(5, refs(1, 2) + ONE + field(5, b"\x20\x03")), "refers to a symbol"),
        (field(4, b"up") + field(4, b""), "first symbol"),
        (series({"__name__": "up"}, (1, 1.0)), "remote write 1.0"),
    ],
    ids=[
        "no-length",
        "symbol-as-number",
        "series-as-number",
        "sample-as-number",
        "short-refs",
        "endless-ref",
        "endless-time",
        "endless-metadata",
        "help-as-text",
        "odd-refs",
        "odd-refs-without-samples",
        "no-such-symbol",
        "far-symbol",
        "no-symbols",
        "no-such-help",
        "no-such-unit",
        "first-symbol",
        "message-of-1.0",
    ],
)
def test_what_is_not_a_request_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBodyError, match=reason):
        walked(body)


def test_labels_of_new_series_may_take_more_than_the_body() -> None:
    symbols = Symbols()
    pairs = [(f"l{number}", "x" * 2000) for number in range(40)]
    parts = [symbols.series([*pairs, ("n", str(number))], (1, 1.0)) for number in range(300)]

    found = walked(symbols.message(*parts))

    assert len(found.keys) > 20_000_000
    assert [found.keys[end - 3 : end].tobytes() for end in found.ends.tolist()[100:]] == [
        str(number).encode() for number in range(100, 300)
    ]
    assert found.keys[: found.ends[0]].tobytes() == b"".join(
        label(name, value) for name, value in [*pairs, ("n", "0")]
    )


def test_labels_that_would_take_too_much_are_refused() -> None:
    symbols = Symbols()
    bomb = symbols.series([("a", "x" * 1_000_000)] * 1000, (1, 1.0))

    with pytest.raises(BodyTooLargeError, match="33,554,432 bytes of labels"):
        walked(symbols.message(bomb))


def test_endless_repetition_of_a_long_series_is_refused() -> None:
    symbols = Symbols()
    long = symbols.series([(f"l{number}", "x" * 2000) for number in range(40)], (1, 1.0))
    known = KnownSeries()
    first = walked(symbols.message(long))
    known.add(first.keys, 0, first.starts, first.ends, np.ones(1, np.int64))

    assert walked(symbols.message(*[long] * 20), known=known).ids.tolist() == [1] * 20
    with pytest.raises(BodyTooLargeError, match="bytes of labels"):
        walked(symbols.message(*[long] * 100_000), known=known)


def test_a_billion_labels_of_nothing_are_refused() -> None:
    body = field(4, b"") + field(5, field(1, bytes(30_000_000)) + ONE)

    with pytest.raises(BodyTooLargeError, match="bytes of labels"):
        walked(body)


@pytest.mark.parametrize("limit", ["MAX_SYMBOLS", "MAX_SAMPLES"])
def test_too_many_symbols_or_samples_are_refused(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 3)
    symbols = Symbols()
    content = symbols.series({"a": "1", "b": "2"}, *((at, 0.0) for at in range(4)))

    with pytest.raises(BodyTooLargeError, match=f"3 {limit[4:].lower()}"):
        walked(symbols.message(content))


def test_exemplars_and_histograms_are_counted() -> None:
    symbols = Symbols()
    content = symbols.series({"__name__": "m"}, more=field(4, b"") * 2 + field(3, b"") * 3)

    found = walked(symbols.message(content))

    assert (found.exemplars.count, found.histogram_count) == (2, 3)
    assert len(found.ids) == 0
