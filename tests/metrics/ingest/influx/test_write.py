"""`POST /api/v2/write` and `POST /influx/write` as Telegraf and InfluxDB's clients use them."""

from __future__ import annotations

import base64
import gzip
import time
from typing import Any

import pytest
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest.influx import receiving
from observability.metrics.instruments import INFLUX_TEXTS_SKIPPED
from observability.metrics.models import Series
from tests.metrics.ingest.stored_samples import stored_samples

pytestmark = pytest.mark.django_db

NOW_MS = int(time.time() * 1000)
NOW = f"{NOW_MS}000000"


@pytest.fixture
def token() -> str:
    return create_key(name="telegraf", scopes=[Scope.METRICS_WRITE])[1]


def write(
    client: Client,
    body: str | bytes,
    token: str,
    *,
    path: str = "/api/v2/write?org=o&bucket=b",
    **headers: str,
) -> Any:
    return client.post(
        path,
        body,
        content_type="text/plain; charset=utf-8",
        headers={"Authorization": f"Token {token}"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_fields_become_series_and_tags_labels(client: Client, token: str) -> None:
    body = f"cpu,host=web-1,cpu=cpu0 usage_user=1.5,usage_idle=98i {NOW}\nup value=true {NOW}\n"

    answer = write(client, body, token)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["X-Influxdb-Version"]
    assert stored_samples() == {
        'cpu_usage_user{cpu="cpu0",host="web-1"}': [(NOW_MS, 1.5)],
        'cpu_usage_idle{cpu="cpu0",host="web-1"}': [(NOW_MS, 98.0)],
        "up_value{}": [(NOW_MS, 1.0)],
    }


@pytest.mark.parametrize(
    ("line", "series"),
    [
        ("disk.used,mount-point=/a,a.b=c in-use=1", 'disk_used_in_use{a_b="c",mount_point="/a"}'),
        ("2xx,5th=a 9=1", '_2xx_9{_5th="a"}'),
        ("a:b c:d=1", "a:b_c:d{}"),
        ("größe,stadt=Köln höhe=1", 'gr__e_h_he{stadt="Köln"}'),
        (r"my\ disk,na\,me=va\=l\ ue f\=x=1", 'my_disk_f_x{na_me="va=l ue"}'),
        (r"m,path=C:\Windows\,x,e=\\\\ f=1", None),
        (",host=a load=1", 'load{host="a"}'),
    ],
    ids=["dots", "digits", "colons", "unicode", "escapes", "backslashes", "no-measurement"],
)
def test_names_become_those_of_prometheus(
    client: Client, token: str, line: str, series: str | None
) -> None:
    answer = write(client, f"{line} {NOW}", token)

    assert answer.status_code == 204, answer.content
    if series is None:
        assert Series.objects.get().labels == {"path": "C:\\Windows,x", "e": "\\\\"}
    else:
        assert list(stored_samples()) == [series]


def test_texts_are_left_out_and_counted(client: Client, token: str) -> None:
    before = INFLUX_TEXTS_SKIPPED._value.get()

    answer = write(client, 'system,host=a uptime=5i,uptime_format="0:05" \nlog m="text"', token)

    assert answer.status_code == 204
    assert list(stored_samples()) == ['system_uptime{host="a"}']
    assert INFLUX_TEXTS_SKIPPED._value.get() == before + 2


def test_a_point_without_timestamp_is_of_now(client: Client, token: str) -> None:
    write(client, "m f=1", token)

    [[(at, _)]] = stored_samples().values()
    assert NOW_MS <= at <= time.time() * 1000


@pytest.mark.parametrize(
    ("path", "timestamp"),
    [
        ("/api/v2/write?precision=ns", NOW),
        ("/api/v2/write/?precision=ms", f"{NOW_MS}"),
        ("/api/v2/write?precision=s", f"{NOW_MS // 1000}"),
        ("/influx/write?db=telegraf&rp=&precision=u", f"{NOW_MS}000"),
        ("/influx/write/?db=telegraf&consistency=any&precision=s", f"{NOW_MS // 1000}"),
        ("/influx/write?precision=m", f"{NOW_MS // 60_000}"),
    ],
    # Not of the time, which the processes of one run see differently.
    ids=["ns", "ms", "s", "u", "s-of-version-1", "m"],
)
def test_the_precision_is_that_of_the_query(
    client: Client, token: str, path: str, timestamp: str
) -> None:
    answer = write(client, f"m f=1 {timestamp}", token, path=path)

    assert answer.status_code == 204, answer.content
    [[(at, _)]] = stored_samples().values()
    assert NOW_MS - 60_000 < at <= NOW_MS


def test_a_body_may_come_in_gzip(client: Client, token: str) -> None:
    body = gzip.compress(f"m f=1 {NOW}".encode())

    assert write(client, body, token, Content_Encoding="gzip").status_code == 204
    assert stored_samples() == {"m_f{}": [(NOW_MS, 1.0)]}


def test_labels_of_the_key_are_added_and_win(client: Client) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE], labels={"system": "shop"})

    write(client, f"m,system=x,host=a f=1 {NOW}", token)

    assert list(stored_samples()) == ['m_f{host="a",system="shop"}']


def test_tags_in_another_order_are_the_same_series(client: Client, token: str) -> None:
    write(client, f"m,a=1,b=2 f=1 {NOW}\nm,b=2,a=1 f=2 {NOW_MS + 1}000000\n", token)

    assert stored_samples() == {'m_f{a="1",b="2"}': [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]}


def test_bad_lines_are_named_and_the_rest_is_stored(client: Client, token: str) -> None:
    body = f"m f=1 {NOW}\nm f=x {NOW}\n\nm,t f=1\nm f=2 {NOW_MS + 1}000000"

    answer = write(client, body, token)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "message": "partial write: stored 2 values, could not read 2 lines;"
        " line 2: the value of the field 'f' is 'x'; expected a number (1.5, 15i, 15u),"
        " a boolean (true, false) or a text in double quotes;"
        " line 4: expected a tag as name=value, got 't f=1'",
    }
    assert stored_samples() == {"m_f{}": [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]}


def test_refused_values_are_named_with_their_line(client: Client, token: str) -> None:
    month_ms = 31 * 86_400_000
    body = "\n".join(
        [
            f"m f=1 {NOW}",
            f"m f=1 {NOW_MS - month_ms}000000",
            f"m f=1,g=2 {NOW_MS + month_ms}000000",
            f"m,__t=1 f=1 {NOW}",
            f"m,a.b=1,a-b=2 f=1 {NOW}",
            f"m,t={'x' * 3000} f=1 {NOW}",
        ]
    )

    answer = write(client, body, token)

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "partial write: stored 1 value, refused 6;"
        " line 2: older than the 30 days for which samples are kept;"
        " line 3: more than 10 minutes in the future;"
        " line 4: '__t': label names that begin with '__' are reserved;"
        " line 5: the label 'a_b' is there twice;"
        " line 6: a label value has at most 2048 bytes; this has 3000"
    )


def test_names_that_are_not_utf8_are_refused(client: Client, token: str) -> None:
    answer = write(client, b"m,t=\xff f=1\nm f=1", token)

    assert answer.status_code == 400
    assert "line 1: a name or tag is not valid UTF-8" in answer.json()["message"]
    assert list(stored_samples()) == ["m_f{}"]


def test_a_number_too_large_leaves_no_series_in_the_way(client: Client, token: str) -> None:
    answer = write(client, b"m,t=\xff f=1e999\nm f=1", token)

    assert answer.status_code == 400
    assert "line 1: a number is larger than 64 bits can hold" in answer.json()["message"]


def test_a_long_body_is_stored_in_parts(
    client: Client, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MAX_VALUES", 10)
    body = "".join(f"m,n={n % 7} f={n} {NOW_MS - n}000000\n" for n in range(95))

    answer = write(client, body, token)

    assert answer.status_code == 204
    assert sum(len(samples) for samples in stored_samples().values()) == 95


@pytest.mark.parametrize(
    ("body", "headers", "query", "status", "code"),
    [
        (b"m f=1", {}, "?precision=d", 400, "invalid"),
        (b"not gzip", {"Content_Encoding": "gzip"}, "", 400, "invalid"),
        (b"m f=1", {"Content_Encoding": "br"}, "", 415, "unsupported media type"),
        (bytes(17 * 1024 * 1024), {}, "", 413, "request too large"),
        (
            gzip.compress(bytes(40 * 1024 * 1024)),
            {"Content_Encoding": "gzip"},
            "",
            413,
            "request too large",
        ),
        (b"m f=1", {"Authorization": "Token nothing"}, "", 401, "unauthorized"),
    ],
    ids=["precision", "not-gzip", "brotli", "large", "bomb", "unknown-key"],
)
def test_a_bad_body_is_refused_as_a_whole(
    client: Client,
    token: str,
    body: bytes,
    headers: dict[str, str],
    query: str,
    status: int,
    code: str,
) -> None:
    answer = write(client, body, token, path=f"/api/v2/write{query}", **headers)
    version_1 = write(client, body, token, path=f"/influx/write{query}", **headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (version_1.status_code, version_1.json()) == (
        status,
        {"error": answer.json()["message"]},
    )
    assert not Series.objects.exists()


@pytest.mark.parametrize("body", [b"", b"\n\n", b"# nothing\n"])
def test_nothing_to_store_is_no_error(client: Client, token: str, body: bytes) -> None:
    assert write(client, body, token).status_code == 204


@pytest.mark.parametrize(
    "path", ["/influx/write?u=telegraf&p={}", "/influx/write?db=x&p={}"], ids=["user", "no-user"]
)
def test_version_1_may_bring_its_key_in_the_query(client: Client, token: str, path: str) -> None:
    answer = client.post(path.format(token), "m f=1", content_type="text/plain")

    assert answer.status_code == 204
    assert client.post(path.format("wrong"), "m f=1", content_type="text/plain").status_code == 401


def test_version_2_takes_no_key_from_the_query(client: Client, token: str) -> None:
    answer = client.post(f"/api/v2/write?p={token}", "m f=1", content_type="text/plain")

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/api/v2/write", "/influx/write"])
def test_key_may_be_a_basic_password(client: Client, token: str, path: str) -> None:
    basic = base64.b64encode(f"telegraf:{token}".encode()).decode()

    answer = write(client, "m f=1", token, path=path, Authorization=f"Basic {basic}")

    assert answer.status_code == 204
