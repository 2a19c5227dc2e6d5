"""Bodies are read within bounds, however they are sent."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from observability.metrics.errors import BodyTooLargeError
from observability.metrics.ingest.body import read_body


def chunked(body: bytes) -> WSGIRequest:
    """Return a request as gunicorn hands over one whose body came in chunks."""
    environ = RequestFactory().post("/api/metrics").environ
    del environ["CONTENT_LENGTH"]
    return WSGIRequest({**environ, "wsgi.input": BytesIO(body), "wsgi.input_terminated": True})


def test_a_body_in_chunks_is_read() -> None:
    assert read_body(chunked(b"[1, 2]")) == b"[1, 2]"


def test_a_body_in_chunks_is_bounded_too() -> None:
    with pytest.raises(BodyTooLargeError):
        read_body(chunked(b"x" * 101), max_bytes=100)
