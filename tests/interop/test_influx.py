"""Telegraf's bodies land, as it writes them to InfluxDB 2 and InfluxDB 1, and so do long streams of lines."""

from __future__ import annotations

import base64
import gzip
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.embedded.portal_process import PortalProcess

pytestmark = pytest.mark.interop

KEY = "op_interop0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
BEARER = {"Authorization": f"Bearer {KEY}"}

# What the inputs cpu, mem, disk, system and nginx of Telegraf 1.30 write with usual settings.
TELEGRAF = """\
cpu,cpu=cpu0,host=web-1 usage_user=3.4567901234567902,usage_system=1.2345679012345678,usage_idle=95.1,usage_iowait=0,usage_steal=0 {at}
cpu,cpu=cpu-total,host=web-1 usage_user=2.5,usage_system=1,usage_idle=96.5,usage_iowait=0,usage_steal=0 {at}
mem,host=web-1 total=33518972928i,available=21474836480i,available_percent=64.06771,used=11012096000i {at}
disk,device=sda1,fstype=ext4,host=web-1,mode=rw,path=/var/lib/my\\ data total=105089261568i,free=52544630784i,used_percent=50.00000000000001 {at}
system,host=web-1 load1=0.42,load5=0.36,n_cpus=4i,n_users=1i {at}
system,host=web-1 uptime=86400i {at}
system,host=web-1 uptime_format="1 day,  0:00" {at}
nginx,host=web-1,port=80,server=localhost accepts=1234u,active=true,waiting=7u {at}
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process = PortalProcess.start(tmp_path_factory.mktemp("influx") / "var", BOOTSTRAP_API_KEY=KEY)
    try:
        process.wait_until_it_runs()
        yield process.port
    finally:
        process.end()


def call(
    port: int, path: str, body: bytes | Iterator[bytes] | None, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def query(port: int, expr: str) -> list[tuple[dict[str, str], float]]:
    path = f"/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
    _, _, body = call(port, path, None, BEARER)
    result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return [(series["metric"], float(series["value"][1])) for series in result]


@pytest.mark.parametrize(
    ("path", "headers", "unit"),
    [
        # [[outputs.influxdb_v2]] urls, token, organization, bucket
        (
            "/api/v2/write?bucket=telegraf&org=acme",
            {"Authorization": f"Token {KEY}", "Content-Encoding": "gzip"},
            1,
        ),
        # [[outputs.influxdb]] urls = ["http://.../influx"], database, username, password
        (
            "/influx/write?consistency=any&db=telegraf",
            {
                "Authorization": "Basic " + base64.b64encode(f"telegraf:{KEY}".encode()).decode(),
                "Content-Encoding": "gzip",
            },
            1,
        ),
        # influx 1's own command line and older clients
        (f"/influx/write?db=telegraf&precision=s&u=telegraf&p={KEY}", {}, 1_000_000_000),
    ],
    ids=["influxdb_v2", "influxdb", "query"],
)
def test_telegraf_bodies_land(portal: int, path: str, headers: dict[str, str], unit: int) -> None:
    at = int(time.time()) * 1_000_000_000
    body = TELEGRAF.format(at=at // unit).encode()
    if "Content-Encoding" in headers:
        body = gzip.compress(body)
    headers = {
        **headers,
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "Telegraf/1.30",
    }

    status, answered, content = call(portal, path, body, headers)

    assert (status, content) == (204, b"")
    assert answered["X-Influxdb-Version"]
    assert {
        labels["cpu"]: value for labels, value in query(portal, 'cpu_usage_user{host="web-1"}')
    } == {"cpu0": 3.4567901234567902, "cpu-total": 2.5}
    [(labels, value)] = query(portal, "disk_used_percent")
    assert (labels["path"], value) == ("/var/lib/my data", 50.00000000000001)
    assert [value for _, value in query(portal, "mem_total")] == [33518972928.0]
    assert [value for _, value in query(portal, "nginx_active")] == [1.0]
    assert query(portal, "system_uptime_format") == []
    assert len(query(portal, '{host="web-1"}')) == 25
    assert query(portal, '(time() - timestamp(system_uptime{host="web-1"})) > 60') == []


def test_a_bad_line_is_named_in_influxdbs_form(portal: int) -> None:
    body = b"m f=1\nm f=\nm f=2\n"

    version_2 = call(portal, "/api/v2/write", body, {"Authorization": f"Token {KEY}"})
    version_1 = call(portal, "/influx/write", body, BEARER)

    assert (version_2[0], version_1[0]) == (400, 400)
    assert json.loads(version_2[2])["code"] == "invalid"
    assert json.loads(version_2[2])["message"].startswith("partial write: stored 2 values")
    assert json.loads(version_1[2])["error"] == json.loads(version_2[2])["message"]


def lines(name: str, count: int, *, wrong_at: int | None = None) -> Iterator[bytes]:
    now = time.time()
    for start in range(0, count, 1000):
        yield "".join(
            f'{{"name": "{name}", "value": {n}, "timestamp": {now - n % 3600}, "labels": {{"n": "{n // 3600}"}}}}\n'
            if n != wrong_at
            else "nonsense\n"
            for n in range(start, start + 1000)
        ).encode()


def test_a_stream_of_lines_without_a_length_is_stored(portal: int) -> None:
    headers = {**BEARER, "Content-Type": "application/x-ndjson"}

    status, _, content = call(portal, "/api/metrics", lines("streamed", 200_000), headers)

    assert (status, json.loads(content)) == (202, {"accepted": 200_000})
    [(_, count)] = query(portal, "sum(count_over_time(streamed[2h]))")
    assert count == 200_000


def test_a_stream_ends_with_the_batch_of_its_first_wrong_line(portal: int) -> None:
    headers = {**BEARER, "Content-Type": "application/x-ndjson"}
    body = b"".join(lines("broken_off", 100_000, wrong_at=12_345))

    status, _, content = call(portal, "/api/metrics", body, headers)

    answer = json.loads(content)
    assert (status, answer["accepted"]) == (422, 10_000)
    assert answer["error"]["details"][0]["line"] == 12_346
