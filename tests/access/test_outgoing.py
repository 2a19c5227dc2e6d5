from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from observability.access.errors import OutgoingFailedError, OutgoingRefusedError
from observability.access.outgoing import Resolve, check_url, fetch

from .http_server import Handler, Server, make_tls, serve, serve_bytes

HOST = "hooks.example.test"


def resolves_to(*addresses: str) -> Resolve:
    """Return a resolver whose every name has these addresses."""

    def resolve(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        return [
            entry
            for address in addresses
            for entry in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        ]

    return resolve


LOOPBACK = resolves_to("127.0.0.1")


def answer_ok(handler: Handler) -> None:
    handler.reply(200, b"ok", {"X-Answer": "yes"})


@pytest.fixture
def ok_server() -> Iterator[Server]:
    with serve(answer_ok) as server:
        yield server


def test_call_brings_status_headers_and_body(ok_server: Server) -> None:
    response = fetch("POST", ok_server.url("/a b?q=ü"), headers={"X-One": "1"}, body=b"hello")

    assert (response.status, response.headers["x-answer"], response.body) == (200, "yes", b"ok")
    received = ok_server.received[0]
    assert (received.method, received.path, received.body) == ("POST", "/a%20b?q=%C3%BC", b"hello")
    assert received.headers["x-one"] == "1"


def test_connection_goes_to_the_checked_address_under_the_right_host_name(
    ok_server: Server,
) -> None:
    response = fetch("GET", ok_server.url(host=HOST), resolve=LOOPBACK)

    assert response.status == 200
    assert ok_server.received[0].headers["host"] == f"{HOST}:{ok_server.port}"


def test_name_is_resolved_once_for_check_and_connection(ok_server: Server) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return LOOPBACK(host, port)

    fetch("GET", ok_server.url(host=HOST), resolve=resolve)

    assert asked == [HOST]


def test_next_address_is_tried_when_the_first_does_not_answer(ok_server: Server) -> None:
    resolve = resolves_to("127.0.0.2", "127.0.0.1")

    response = fetch("GET", ok_server.url(host=HOST), resolve=resolve)

    assert response.status == 200


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_status_of_failure_is_the_callers_to_judge(status: int) -> None:
    with serve(lambda handler: handler.reply(status, b"no")) as server:
        response = fetch("GET", server.url())

    assert response.status == status


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("gopher://example.com/", id="another scheme"),
        pytest.param("//example.com/", id="no scheme"),
        pytest.param("http://user:secret@example.com/", id="user name and password"),
        pytest.param("http://user@example.com/", id="user name"),
        pytest.param("http:///path", id="no host"),
        pytest.param("http://example.com:0/", id="port 0"),
        pytest.param("http://example.com:99999/", id="no such port"),
        pytest.param("http://exa mple.com/", id="a blank in the host"),
        pytest.param("http://example.com\\@127.0.0.1/", id="a backslash"),
        pytest.param("http://example.com/\r\nX: y", id="a line break"),
        pytest.param("http://[::1%25lo]/", id="an interface"),
        pytest.param("http://[::g]/", id="no IPv6 address"),
        pytest.param("http://%31%32%37.0.0.1/", id="an escaped host"),
    ],
)
def test_address_that_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(OutgoingRefusedError) as caught:
        fetch("GET", url, resolve=LOOPBACK)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0", "[::ffff:169.254.169.254]"])
def test_forbidden_address_is_refused_when_written_out(host: str) -> None:
    with pytest.raises(OutgoingRefusedError, match="is not called"):
        fetch("GET", f"http://{host}/")


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376"])
def test_forbidden_address_is_refused_in_its_odd_spellings(host: str) -> None:
    with pytest.raises(OutgoingRefusedError, match="metadata"):
        fetch("GET", f"http://{host}/")


def test_name_is_refused_when_one_of_its_addresses_is_forbidden(ok_server: Server) -> None:
    resolve = resolves_to("127.0.0.1", "169.254.169.254")

    with pytest.raises(OutgoingRefusedError, match="metadata"):
        fetch("GET", ok_server.url(host=HOST), resolve=resolve)

    assert ok_server.received == []


def test_own_machine_is_refused_when_private_addresses_are_blocked(
    ok_server: Server, settings: Settings
) -> None:
    settings.BLOCK_PRIVATE_URLS = True

    with pytest.raises(OutgoingRefusedError, match="this machine itself"):
        fetch("GET", ok_server.url(host=HOST), resolve=LOOPBACK)

    assert ok_server.received == []


def test_address_of_a_form_is_checked_without_a_call(ok_server: Server) -> None:
    check_url(ok_server.url())

    with pytest.raises(OutgoingRefusedError):
        check_url("http://169.254.169.254/latest/")
    assert ok_server.received == []


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_redirect_keeps_or_changes_the_method_as_its_status_says(
    status: int, method: str, expected: str
) -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/old":
            handler.redirect(status, "/new")
        else:
            handler.reply(200)

    with serve(answer) as server:
        fetch(method, server.url("/old"), body=b"data", headers={"Content-Type": "text/plain"})

    second = server.received[1]
    assert (second.method, second.path) == (expected, "/new")
    assert (second.body == b"data") is (expected == method)
    assert ("content-type" in second.headers) is (expected == method)


def test_redirect_within_the_origin_keeps_the_credentials() -> None:
    def answer(handler: Handler) -> None:
        handler.redirect(302, "/new") if handler.path == "/" else handler.reply(200)

    with serve(answer) as server:
        fetch("GET", server.url(), headers={"Authorization": "Bearer secret"})

    assert server.received[1].headers["authorization"] == "Bearer secret"


def test_redirect_to_another_origin_drops_whatever_could_be_a_credential(ok_server: Server) -> None:
    headers = {"Authorization": "Bearer s", "Cookie": "s", "X-Api-Key": "s", "Accept": "text/plain"}

    with serve(lambda handler: handler.redirect(307, ok_server.url())) as server:
        fetch("POST", server.url(), headers=headers, body=b"data")

    received = ok_server.received[0].headers
    assert received["accept"] == "text/plain"
    assert not {"authorization", "cookie", "x-api-key"} & received.keys()


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://u:p@127.0.0.1/"],
)
def test_redirect_is_judged_like_the_first_address(location: str) -> None:
    with (
        serve(lambda handler: handler.redirect(302, location)) as server,
        pytest.raises(OutgoingRefusedError),
    ):
        fetch("GET", server.url())


def test_redirects_without_end_are_refused() -> None:
    with (
        serve(lambda handler: handler.redirect(302, "/")) as server,
        pytest.raises(OutgoingRefusedError, match="more than 2 times"),
    ):
        fetch("GET", server.url(), max_redirects=2)

    assert len(server.received) == 3


def test_answer_above_the_limit_is_refused() -> None:
    with (
        serve(lambda handler: handler.reply(200, b"x" * 1001)) as server,
        pytest.raises(OutgoingRefusedError, match="more than 1000 bytes"),
    ):
        fetch("GET", server.url(), max_response_bytes=1000)


def test_answer_at_the_limit_is_taken() -> None:
    with serve(lambda handler: handler.reply(200, b"x" * 1000)) as server:
        response = fetch("GET", server.url(), max_response_bytes=1000)

    assert len(response.body) == 1000


def test_answer_that_unpacks_beyond_the_limit_is_refused() -> None:
    packed = gzip.compress(b"\0" * 10_000_000)

    with (
        serve(lambda handler: handler.reply(200, packed, {"Content-Encoding": "gzip"})) as server,
        pytest.raises(OutgoingRefusedError, match="more than 100000 bytes"),
    ):
        fetch("GET", server.url(), max_response_bytes=100_000)


def test_answer_is_unpacked() -> None:
    packed = gzip.compress(b"hello")

    with serve(lambda handler: handler.reply(200, packed, {"Content-Encoding": "gzip"})) as server:
        response = fetch("GET", server.url())

    assert response.body == b"hello"


def _drip_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not over.wait(0.05):
        connection.sendall(b"x")


def _drip_body(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"x")


def _say_nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("talk", [_drip_headers, _drip_body, _say_nothing])
def test_time_is_bounded_as_a_whole_however_slowly_the_other_side_talks(
    talk: Any, scheme: str
) -> None:
    with serve_bytes(talk) as server:
        start = time.monotonic()
        with pytest.raises(OutgoingFailedError):
            fetch("GET", server.url(scheme=scheme), timeout_seconds=0.5)

        assert time.monotonic() - start < 3


def test_time_includes_the_look_up_of_the_name() -> None:
    over = threading.Event()

    def resolve(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        over.wait()
        return []

    with pytest.raises(OutgoingFailedError, match="no complete answer"):
        fetch("GET", "http://example.test/", timeout_seconds=0.2, resolve=resolve)
    over.set()


def test_refused_connection_may_work_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(OutgoingFailedError, match="connection refused"):
        fetch("GET", f"http://127.0.0.1:{port}/")


def test_name_that_does_not_resolve_may_work_later() -> None:
    def resolve(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OutgoingFailedError, match="cannot be resolved"):
        fetch("GET", f"http://{HOST}/", resolve=resolve)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", id="a part of the body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            id="a body that cannot be unpacked",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nbad header\r\n: x\r\n\r\n" + b"x" * 9, id="bad headers"),
    ],
)
def test_no_error_or_log_entry_holds_the_path_of_the_address(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    caplog.set_level(logging.DEBUG)
    message = ""
    with serve_bytes(talk) as server:
        try:
            fetch("GET", server.url("/services/T0/B0/secret"))
        except OutgoingFailedError as error:
            message = f"{error!r} {error.__cause__!r}"

    assert "secret" not in message + caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "other"}, id="another host"),
        pytest.param({"Transfer-Encoding": "chunked"}, id="another framing"),
        pytest.param({"X-A": "b\r\nX-C: d"}, id="a line break"),
        pytest.param({"X A": "b"}, id="a blank in the name"),
    ],
)
def test_headers_that_would_change_the_message_are_refused(
    ok_server: Server, headers: dict[str, str]
) -> None:
    with pytest.raises(OutgoingRefusedError):
        fetch("GET", ok_server.url(), headers=headers)

    assert ok_server.received == []


def test_proxies_of_the_environment_are_not_used(
    ok_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")

    assert fetch("GET", ok_server.url()).status == 200


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    context, authority = make_tls(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with serve(answer_ok, tls=context) as server:
        yield server


def test_tls_is_spoken_with_the_host_name_of_the_address(
    tls_server: Server,
) -> None:
    response = fetch("GET", tls_server.url(scheme="https", host=HOST), resolve=LOOPBACK)

    assert response.body == b"ok"


def test_certificate_of_another_host_is_refused(tls_server: Server) -> None:
    with pytest.raises(OutgoingFailedError, match="certificate is not valid: Hostname mismatch"):
        fetch("GET", tls_server.url(scheme="https", host="other.example.test"), resolve=LOOPBACK)

    assert tls_server.received == []


def test_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    context, _ = make_tls(tmp_path, HOST)

    with (
        serve(answer_ok, tls=context) as server,
        pytest.raises(OutgoingFailedError, match="certificate is not valid"),
    ):
        fetch("GET", server.url(scheme="https", host=HOST), resolve=LOOPBACK)


def test_certificate_of_an_unknown_authority_is_taken_when_none_is_checked(tmp_path: Path) -> None:
    context, _ = make_tls(tmp_path, HOST)

    with serve(answer_ok, tls=context) as server:
        response = fetch(
            "GET", server.url(scheme="https", host=HOST), resolve=LOOPBACK, verify_tls=False
        )

    assert response.body == b"ok"


def test_host_name_is_sent_for_the_choice_of_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = make_tls(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    named: list[str | None] = []

    def note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        named.append(name)

    context.sni_callback = note
    with serve(answer_ok, tls=context) as server:
        fetch("GET", server.url(scheme="https", host=HOST), resolve=LOOPBACK)

    assert named == [HOST]


def test_redirect_from_tls_to_the_clear_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ok_server: Server
) -> None:
    context, authority = make_tls(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    with (
        serve(lambda handler: handler.redirect(302, ok_server.url()), tls=context) as server,
        pytest.raises(OutgoingRefusedError, match="redirects to http"),
    ):
        fetch("GET", server.url(scheme="https", host=HOST), resolve=LOOPBACK)

    assert ok_server.received == []
