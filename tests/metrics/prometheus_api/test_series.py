"""`/api/v1/series` as Prometheus answers it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api import transport
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db

AT = 1_760_000_000
UP_A = {"__name__": "up", "instance": "a", "job": "node"}
UP_B = {"__name__": "up", "instance": "b", "job": "node"}
BOOT = {"__name__": "boot_time", "instance": "a", "job": "node"}


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    for labels, at in ((UP_B, AT), (UP_A, AT + 7_200), (BOOT, AT)):
        get_backend().append(batch_at(at * 1000, [(label_set(labels), 1.0)]))


def series(client: Client, headers: dict[str, str], *match: str, **parameters: Any) -> Any:
    return client.get("/api/v1/series", {"match[]": match, **parameters}, headers=headers).json()


@pytest.mark.parametrize(
    ("match", "parameters", "expected"),
    [
        (["up"], {}, [UP_A, UP_B]),
        (["up", 'boot_time{instance="a"}', "{instance=~'a|b'}"], {}, [BOOT, UP_A, UP_B]),
        (['{instance="a"}'], {}, [BOOT, UP_A]),
        (["up"], {"start": AT - 60, "end": AT + 60}, [UP_B]),
        (["up"], {"start": AT + 60}, [UP_A]),
        (["up"], {"end": "2025-10-09T08:54:00Z"}, [UP_B]),
        (["up"], {"start": -9.223372036854776e15, "end": "9.2e15"}, [UP_A, UP_B]),
        (["up"], {"start": "-292273086-05-16T16:47:06Z", "end": AT + 60}, [UP_B]),
        (["up"], {"start": AT + 60, "end": AT - 60}, []),
        (["nothing"], {}, []),
    ],
    ids=["metric", "several", "label", "then", "since", "until", "ever", "ever-in-words", "reversed", "none"],
)  # fmt: skip
def test_selectors_and_times_choose(
    client: Client,
    reader: dict[str, str],
    match: list[str],
    parameters: dict[str, Any],
    expected: list[dict[str, str]],
) -> None:
    answer = series(client, reader, *match, **parameters)

    assert answer == {"status": "success", "data": expected}


def test_a_limit_that_cuts_is_told(client: Client, reader: dict[str, str]) -> None:
    cut = series(client, reader, "up", limit=1)
    whole = series(client, reader, "up", limit=2)
    no_limit = series(client, reader, "up", limit=0)

    assert (len(cut["data"]), cut["warnings"]) == (1, ["results truncated due to limit"])
    assert whole == no_limit == {"status": "success", "data": [UP_A, UP_B]}


@pytest.mark.parametrize("path", ["/api/v1/series", "/api/v1/series/", "/prometheus/api/v1/series", "/prometheus/api/v1/series/"])  # fmt: skip
def test_a_posted_form_does_as_well(client: Client, reader: dict[str, str], path: str) -> None:
    response = client.post(
        f"{path}?match[]=boot_time", {"match[]": ["up"], "start": AT + 60}, headers=reader
    )

    assert response.json()["data"] == [UP_A]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "no match[] parameter provided"),
        ({"match[]": "up{"}, 'invalid parameter "match[]": 1:4: parse error: unexpected end of input inside braces'),
        ({"match[]": ["up", "{}"]}, 'invalid parameter "match[]": match[] must contain at least one non-empty matcher'),
        ({"match[]": "up", "start": "x"}, "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"),
        ({"match[]": "up", "end": "nan"}, "invalid parameter \"end\": invalid time value for 'end': cannot parse \"nan\" to a valid timestamp"),
        ({"match[]": "up", "limit": "x"}, 'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
        ({"match[]": "up", "limit": "9" * 30}, f'invalid parameter "limit": strconv.Atoi: parsing "{"9" * 30}": value out of range'),
        ({"match[]": "up", "limit": "-1"}, 'invalid parameter "limit": limit must be non-negative'),
    ],
    ids=["none", "parse", "everything", "start", "end", "limit", "large", "negative"],
)  # fmt: skip
def test_errors_are_prometheus_own(
    client: Client, reader: dict[str, str], parameters: dict[str, Any], message: str
) -> None:
    response = client.get("/api/v1/series", parameters, headers=reader)

    assert response.status_code == 400
    assert response.json() == {"status": "error", "errorType": "bad_data", "error": message}


def test_large_answers_are_streamed(
    client: Client, reader: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [(label_set({"__name__": "many", "i": f"{i:05d}"}), 1.0) for i in range(2_000)]
    get_backend().append(batch_at(AT * 1000, many))
    monkeypatch.setattr(transport, "CHUNK_BYTES", 10_000)

    response = client.get(
        "/api/v1/series", {"match[]": "many"}, headers={**reader, "Accept-Encoding": "gzip"}
    )

    assert isinstance(response, StreamingHttpResponse)
    body = gzip.decompress(b"".join(response))
    assert body.count(b'"__name__":"many"') == 2_000
    assert body.endswith(b'{"__name__":"many","i":"01999"}]}')
