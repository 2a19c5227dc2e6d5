"""Answers on their way: gzip, chunks, and errors before and within them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from observability.metrics.prometheus_api.transport import CHUNK_BYTES, accepts_gzip, answer

LARGE = b"0123456789abcdef" * 1_000


def request(accept_encoding: str = "gzip") -> HttpRequest:
    return RequestFactory().get("/", headers={"Accept-Encoding": accept_encoding})


def parts(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield LARGE


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("br, *", True),
        ("", False),
        ("identity", False),
        ("x-gzip", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
    ],
    ids=["gzip", "weighed", "any", "none", "identity", "another", "refused", "refused-but-any"],
)
def test_gzip_is_used_for_who_takes_it(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected


def test_a_large_body_is_compressed() -> None:
    response = answer(request(), LARGE)

    assert isinstance(response, HttpResponse)
    assert (response["Content-Encoding"], response["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(response.content) == LARGE
    assert len(response.content) < len(LARGE) / 10


@pytest.mark.parametrize(
    ("body", "accept_encoding"),
    [(b"{}", "gzip"), (LARGE, "identity")],
    ids=["small", "not-taken"],
)
def test_other_bodies_go_plain(body: bytes, accept_encoding: str) -> None:
    response = answer(request(accept_encoding), body)

    assert isinstance(response, HttpResponse)
    assert "Content-Encoding" not in response
    assert response.content == body


def test_parts_that_fit_a_chunk_are_one_answer_of_known_length() -> None:
    response = answer(request("identity"), parts(3), status=202, content_type="text/plain")

    assert isinstance(response, HttpResponse)
    assert response.content == LARGE * 3
    assert (response.status_code, response["Content-Type"]) == (202, "text/plain")


def test_more_parts_are_sent_in_chunks() -> None:
    response = answer(request("identity"), parts(30))

    assert isinstance(response, StreamingHttpResponse)
    chunks = list(response)
    assert b"".join(chunks) == LARGE * 30
    assert max(map(len, chunks)) < CHUNK_BYTES + len(LARGE)
    assert len(chunks) == 4


def test_chunks_are_compressed_one_by_one() -> None:
    response = answer(request(), parts(30))

    assert isinstance(response, StreamingHttpResponse)
    chunks = list(response)
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(b"".join(chunks)) == LARGE * 30
    assert len(chunks) == 5


def failing(after: int) -> Iterator[bytes]:
    yield from parts(after)
    raise RuntimeError("the disk is gone")


def test_an_error_before_the_first_chunk_goes_to_the_caller() -> None:
    with pytest.raises(RuntimeError):
        answer(request(), failing(after=2))


def test_an_error_after_it_breaks_the_answer_off() -> None:
    response = answer(request(), failing(after=20))

    with pytest.raises(RuntimeError):
        list(response)
