"""The one way in which the portal calls other machines over HTTP.

Whoever may type an address into the portal could otherwise reach through it what only the
portal's machine can reach. So every hop of a call is resolved once, all its addresses are
judged, and the connection goes to one of exactly those; time and size are bounded.
"""

from __future__ import annotations

import http.client
import logging
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection

from observability.access.addresses import refusal
from observability.access.errors import OutgoingError, OutgoingFailedError, OutgoingRefusedError

Resolve = Callable[..., list[tuple[Any, ...]]]
"""Has the signature of `socket.getaddrinfo`."""

USER_AGENT = "observability-portal"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})

_HOST_NAME = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_METHOD = re.compile(r"[A-Z]{1,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CHUNK_BYTES = 65_536

# What may follow a redirect to another origin. All else could be a credential: an API key
# travels under any name.
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
# These follow from the call itself; set by hand they would make two machines read two messages.
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect"}
)

# urllib3 warns about malformed headers with the whole address, of which the path may be a secret.
logging.getLogger("urllib3.connection").addFilter(
    lambda record: not str(record.msg).startswith("Failed to parse headers")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingResponse:
    """What the other side answered, whatever its status; headers are found in any case of letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """An address taken apart. `path` may be a secret, so it is kept out of the representation."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Return scheme, host and port; the only part of an address that errors name."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = DEFAULT_PORTS[self.scheme] == self.port
        return f"{self.scheme}://{host}" + ("" if is_default else f":{self.port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One hop: what is sent where."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    verify_tls: bool = True


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_seconds: float = 10,
    max_response_bytes: int = 1_000_000,
    max_redirects: int = 3,
    verify_tls: bool = True,
    resolve: Resolve = socket.getaddrinfo,
) -> OutgoingResponse:
    """Make one HTTP call and return the answer, whatever its status.

    Proxies of the environment are not used. Certificates are checked against the host name;
    `SSL_CERT_FILE` and `SSL_CERT_DIR` add authorities, as OpenSSL has it.

    Args:
        method: In capitals.
        url: http or https, without user name and password.
        headers: Of them only harmless ones follow a redirect to another origin.
        body: Dropped by redirects that turn the call into a GET.
        timeout_seconds: For everything together: names, redirects, the last byte.
        max_response_bytes: For the body as sent and as unpacked.
        max_redirects: How many are followed; one more is refused.
        verify_tls: Whether certificates are checked; without that, anybody on the way can read and change all.
        resolve: Turns a host name into addresses.

    Raises:
        OutgoingRefusedError: The address, a redirect or the answer's size is against the rules;
            trying again is no use.
        OutgoingFailedError: Name, connection, TLS, time or the answer's form; may work later.
    """
    call = _Call(
        method=method,
        url=url,
        headers=_checked_headers(headers or {}),
        body=body,
        verify_tls=verify_tls,
    )
    if not _METHOD.fullmatch(method):
        raise OutgoingRefusedError("the method of an HTTP call must be a word in capitals")
    with _Deadline(timeout_seconds) as deadline:
        for _ in range(max_redirects + 1):
            target = _parse(call.url)
            response = _exchange(call, target, deadline, max_response_bytes, resolve)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location:
                return response
            call = _redirected(call, target, response.status, location)
    raise OutgoingRefusedError(f"{target.origin} redirects more than {max_redirects} times")


def check_url(
    url: str, *, resolve: Resolve = socket.getaddrinfo, timeout_seconds: float = 5
) -> None:
    """Raise what `fetch` would raise before it connects; for forms that take an address."""
    with _Deadline(timeout_seconds) as deadline:
        _addresses(_parse(url), deadline, resolve)


class _Deadline:
    """Bounds all of a call, and ends a connection that is still open when the time is up.

    Socket timeouts alone bound each read, which a peer that sends a byte now and then
    can have last for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._watched: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()
        self.release()

    @property
    def is_over(self) -> bool:
        """Say whether the time is up."""
        return time.monotonic() >= self._end

    def remaining(self) -> float:
        """Return the seconds that are left, more than 0; raises `TimeoutError` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, connection: socket.socket) -> None:
        """Cut `connection` when the time is up, also after TLS has taken the socket over."""
        self.release()
        with self._lock:
            self._watched = connection.dup()

    def release(self) -> None:
        """Let go of the watched connection."""
        with self._lock:
            if self._watched is not None:
                self._watched.close()
                self._watched = None

    def _cut(self) -> None:
        with self._lock:
            if self._watched is not None:
                try:
                    self._watched.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the other side was faster


class _PlainConnection(HTTPConnection):
    """A connection that is dialled by us; its host name is for the `Host` header only."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


class _TLSConnection(HTTPSConnection):
    """The same with TLS; its host name is also for SNI and the check of the certificate."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


def _exchange(
    call: _Call, target: _Target, deadline: _Deadline, max_bytes: int, resolve: Resolve
) -> OutgoingResponse:
    """Make one hop, turning whatever goes wrong into an error that names the origin alone."""
    addresses = _addresses(target, deadline, resolve)
    try:
        connection = _connection(
            target, deadline, lambda: _dial(addresses, deadline), verify_tls=call.verify_tls
        )
        try:
            connection.request(
                call.method,
                target.path,
                body=call.body,
                headers={"User-Agent": USER_AGENT, **call.headers, "Connection": "close"},
                preload_content=False,
            )
            response = connection.getresponse()
            body = _read_body(response, target, max_bytes)
        finally:
            connection.close()
            deadline.release()
    except OutgoingError:
        raise
    except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
        # `from None`: the libraries' errors may carry the whole address.
        raise OutgoingFailedError(f"{target.origin}: {_reason(error, deadline)}") from None
    if deadline.is_over:
        # A body without a length ends where the connection was cut: only part of it is here.
        raise OutgoingFailedError(f"{target.origin}: {_late(deadline)}")
    return OutgoingResponse(status=response.status, headers=response.headers, body=body)


def _connection(
    target: _Target, deadline: _Deadline, dial: Callable[[], socket.socket], *, verify_tls: bool
) -> _PlainConnection | _TLSConnection:
    timeout = deadline.remaining()
    connection: _PlainConnection | _TLSConnection
    if target.scheme == "https":
        context = _tls_context() if verify_tls else _trusting_tls_context()
        connection = _TLSConnection(target.host, target.port, timeout=timeout, ssl_context=context)
    else:
        connection = _PlainConnection(target.host, target.port, timeout=timeout)
    connection.dial = dial
    return connection


def _dial(addresses: list[tuple[Any, ...]], deadline: _Deadline) -> socket.socket:
    """Return a connection to the first of the addresses that answers; each has its share of the time."""
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.remaining() / (len(addresses) - position))
            connection.connect(address)
        except OSError:
            connection.close()
            if position == len(addresses) - 1:
                raise
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(deadline.remaining())
        deadline.watch(connection)
        return connection
    raise OSError("the name has no address")


def _addresses(target: _Target, deadline: _Deadline, resolve: Resolve) -> list[tuple[Any, ...]]:
    """Return the addresses of a host as `getaddrinfo` does, all of them judged to be allowed."""
    try:
        found = _within(
            deadline, lambda: resolve(target.host, target.port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as error:
        raise OutgoingFailedError(f"{target.origin}: {_reason(error, deadline)}") from None
    if not found:
        raise OutgoingFailedError(f"{target.origin}: the name has no address")
    for entry in found:
        reason = refusal(ip_address(entry[4][0]), block_private=settings.BLOCK_PRIVATE_URLS)
        if reason is not None:
            raise OutgoingRefusedError(f"{target.origin} is not called: {reason}")
    return found


def _within(
    deadline: _Deadline, look_up: Callable[[], list[tuple[Any, ...]]]
) -> list[tuple[Any, ...]]:
    """Return what `look_up` returns, or raise `TimeoutError`: the system's resolver knows no timeout."""
    results: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(look_up())
        except Exception as error:  # noqa: BLE001 (raised again in the thread that waits)
            results.put(error)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        result = results.get(timeout=deadline.remaining())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _read_body(response: urllib3.HTTPResponse, target: _Target, max_bytes: int) -> bytes:
    """Return the unpacked body, reading no further than `max_bytes`."""
    body = bytearray()
    for chunk in response.stream(min(_CHUNK_BYTES, max_bytes + 1), decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise OutgoingRefusedError(f"{target.origin} answers with more than {max_bytes} bytes")
    return bytes(body)


def _redirected(call: _Call, target: _Target, status: int, location: str) -> _Call:
    """Return the call that follows a redirect, without what belongs to the former origin only."""
    url = urljoin(call.url, location)
    following = _parse(url)
    if target.scheme == "https" and following.scheme == "http":
        raise OutgoingRefusedError(f"{target.origin} redirects to http, where anybody could listen")
    method, body, headers = call.method, call.body, dict(call.headers)
    # As browsers do it: 303 always, 301 and 302 after a POST.
    if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
        method, body = "GET", None
        headers = {n: v for n, v in headers.items() if not n.lower().startswith("content-")}
    if following.origin != target.origin:
        headers = {n: v for n, v in headers.items() if n.lower() in _HARMLESS_HEADERS}
    return replace(call, method=method, url=url, headers=headers, body=body)


def _parse(url: str) -> _Target:
    """Return an address taken apart, or refuse it; what cannot be understood is not repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError:
        raise OutgoingRefusedError("the address is not a valid URL") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise OutgoingRefusedError("only http and https addresses are called")
    if "@" in parts.netloc:
        raise OutgoingRefusedError("an address must not hold a user name or password")
    if not host or port == 0 or _CONTROL.search(url):
        raise OutgoingRefusedError("the address is not a valid URL")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    return _Target(
        scheme=parts.scheme,
        host=host,
        port=port or DEFAULT_PORTS[parts.scheme],
        path=f"{path}?{query}" if query else path,
    )


def _ascii_host(host: str) -> str:
    """Return a host name in the form of the DNS, '' when it is none."""
    if ":" in host:
        ip_address(host)  # or ValueError
        return "" if "%" in host else host
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    return host if _HOST_NAME.fullmatch(host) else ""


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if name.lower() in _OWN_HEADERS:
            raise OutgoingRefusedError(f"the header {name} is set by the portal itself")
        is_latin = name.isascii() and all(ord(character) < 256 for character in value)
        if not name or not is_latin or _CONTROL.search(name + value) or ":" in name or " " in name:
            raise OutgoingRefusedError(
                "a header's name or value holds characters that are not allowed"
            )
    return dict(headers)


def _tls_context() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    return _cached_tls_context(paths.cafile, paths.capath)


@lru_cache(maxsize=2)
def _cached_tls_context(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    # Reading the system's authorities takes some 20 ms, so once for each place they come from.
    return ssl.create_default_context(cafile=cafile, capath=capath)


@lru_cache(maxsize=1)
def _trusting_tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception, deadline: _Deadline) -> str:
    """Return in a few words why a call failed, from nothing that could hold its address."""
    if deadline.is_over or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return _late(deadline)
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid: {error.verify_message}"
        case ssl.SSLError() | urllib3.exceptions.SSLError():
            return "TLS failed"
        case socket.gaierror():
            return f"the name cannot be resolved ({error.strerror})"
        case UnicodeError():
            return "the name cannot be resolved"
        case urllib3.exceptions.DecodeError():
            return "its answer cannot be unpacked"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case _:
            return "it did not send a whole, valid HTTP answer"


def _late(deadline: _Deadline) -> str:
    return f"no complete answer within {deadline.seconds:g} s"
