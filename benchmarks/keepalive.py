"""A client of HTTP that takes as little time as it can, over one connection that is kept.

The clients of the standard library take longer for a request than Prometheus does for a light query.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import urlencode

from benchmarks.systems import KEY

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_AT_A_TIME = 1 << 18


class KeepAlive:
    """A connection to a system on the loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._head_end = (
            f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
            "User-Agent: benchmark\r\n\r\n"
        )
        self._held = b""
        self._connect()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def get(self, path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        self._socket.sendall(f"GET {path}?{urlencode(parameters)}{self._head_end}".encode())
        head = self._until(b"\r\n\r\n")
        status = int(head[9:12])
        if match := _LENGTH.search(head):
            return status, self._exactly(int(match[1]))
        if _CHUNKED.search(head):
            return status, self._chunks()
        return status, b""

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=180)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n"), 16):
            parts.append(self._exactly(size))
            self._exactly(2)
        self._exactly(2)
        return b"".join(parts)

    def _until(self, end: bytes) -> bytes:
        while (at := self._held.find(end)) < 0:
            self._held += self._receive()
        found, self._held = self._held[: at + len(end)], self._held[at + len(end) :]
        return found

    def _exactly(self, size: int) -> bytes:
        parts, missing = [self._held], size - len(self._held)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        whole = b"".join(parts)
        found, self._held = whole[:size], whole[size:]
        return found

    def _receive(self) -> bytes:
        part = self._socket.recv(_AT_A_TIME)
        if not part:
            raise ConnectionError("the connection was closed within an answer")
        return part
