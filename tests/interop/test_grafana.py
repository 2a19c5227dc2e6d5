"""Grafana's requests, played over HTTP against a portal as it runs."""

from __future__ import annotations

import gzip
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from tests.metrics.prometheus_api.grafana import Recorded, recorded

from .conftest import Server

pytestmark = pytest.mark.interop

# The portal's own metrics are there, too, and what it knows of them.
_OF_ALL = {
    "metadata for hints and types",
    "labels of all metrics",
    "metric browser: names of metrics",
    "variable: label_values(instance)",
}


@pytest.mark.parametrize(
    "request_",
    [request for request in recorded() if request.name not in _OF_ALL],
    ids=lambda request: request.name,
)
def test_grafana_finds_what_it_reads(filled_portal: Server, request_: Recorded) -> None:
    def send(method: str, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{filled_portal.port}/prometheus{path}",
            data=body.encode() if method == "POST" else None,
            headers={**headers, "Authorization": f"Bearer {filled_portal.key}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            content = response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            return response.status, json.loads(content)

    request_.play(send, filled_portal.first)
