"""What Grafana's Prometheus data source sends, and what it must find in the answers.

Recorded from Grafana 11 and 12: its backend (health check, queries) and the pages (pickers, variables).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

RECORDING = Path(__file__).with_name("grafana_requests.json")

Send = Callable[[str, str, str, Mapping[str, str]], tuple[int, Any]]
"""Sends method, path with query, body and headers; returns status and parsed JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request and the part of its answer that Grafana reads.

    Attributes:
        name: What Grafana does.
        method: GET or POST.
        path: Behind the address of the data source.
        form: In the URL of a GET, in the body of a POST; times are seconds from the data's first.
        data: What `data` must hold, by paths such as `result.0.value`.
    """

    name: str
    method: str
    path: str
    form: Mapping[str, Any]
    data: Mapping[str, Any]

    def play(self, send: Send, first: int) -> None:
        """Send the request and look at the answer.

        Args:
            send: To where.
            first: The Unix time of the first sample; there is one each 15 s for ten minutes.
        """
        form = {name: _filled(value, first) for name, value in self.form.items()}
        encoded = urlencode(form, doseq=True)
        headers = {"Accept-Encoding": "gzip", "User-Agent": "Grafana/12.0.0"}
        if self.method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            status, answer = send("POST", self.path, encoded, headers)
        else:
            status, answer = send("GET", f"{self.path}?{encoded}", "", headers)
        assert status == 200, answer
        assert answer["status"] == "success", answer
        for path, expected in self.data.items():
            assert _part(answer["data"], path) == _filled(expected, first), (path, answer)


def recorded() -> list[Recorded]:
    """Return all requests."""
    return [Recorded(**entry) for entry in json.loads(RECORDING.read_text())]


def samples(first: int) -> list[dict[str, Any]]:
    """Return the data that the answers are about, as `POST /api/metrics` takes them."""
    return [
        {
            "name": name,
            "labels": {"job": "node", "instance": instance},
            "value": value + step,
            "timestamp": first + 15 * step,
            "type": kind,
        }
        for name, kind, value in (("up", "gauge", 0), ("node_cpu_seconds_total", "counter", 100))
        for instance in ("a:9100", "b:9100")
        for step in range(41)
    ]


def _filled(value: Any, first: int) -> Any:
    """Return a value with `T+90` in the place of 90 s after the first sample."""
    match value:
        case str() if value.startswith("T+"):
            return first + int(value[2:])
        case list():
            return [_filled(each, first) for each in value]
        case dict():
            return {name: _filled(each, first) for name, each in value.items()}
        case _:
            return value


def _part(data: Any, path: str) -> Any:
    for step in path.split(".") if path else []:
        if step == "#":
            data = len(data)
        else:
            data = data[int(step)] if isinstance(data, list) else data.get(step)
    return data
