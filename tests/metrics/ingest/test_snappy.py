"""Snappy bodies are taken apart at bounded memory."""

from __future__ import annotations

import tracemalloc

import pytest

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.protobuf import varint
from observability.metrics.ingest.snappy import decompress

from .write_requests import snappy


@pytest.mark.parametrize("content", [b"", b"a", b"abc" * 100_000], ids=["empty", "one", "long"])
def test_content_comes_back(content: bytes) -> None:
    assert decompress(snappy(content)).tobytes() == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xff\xff\xff\xff",
        b"\x05abc",
        snappy(b"abc" * 100)[:-2],
        b"\xff\x06\x00\x00sNaPpY",
    ],
    ids=["nothing", "bad-length", "bad-content", "cut-off", "framed-format"],
)
def test_what_is_not_snappy_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decompress(body)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (varint(2**32 - 1) + b"aaaa", MalformedBodyError),
        (snappy(bytes(32 * 1024 * 1024 + 1)), BodyTooLargeError),
    ],
    ids=["lying", "true"],
)
def test_a_bomb_is_refused_before_memory_is_taken(body: bytes, error: type[Exception]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(error):
            decompress(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000
