"""A way to sleep that SIGTERM and SIGINT end at once."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType


class StopSignal:
    """Whether the process was asked to end.

    The handler writes to a socket that the sleep waits on. An `Event` would not do: its `set`
    can run inside its own `wait`, in the same thread, and then waits for itself.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def send(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ask to end; usable as a signal handler."""
        with contextlib.suppress(BlockingIOError):
            self._writer.send(b"x")

    def wait(self, seconds: float) -> bool:
        """Sleep, and return whether the process was asked to end."""
        return bool(select.select([self._reader], [], [], max(0.0, seconds))[0])

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Answer SIGTERM and SIGINT while this lasts."""
        before = {n: signal.signal(n, self.send) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Give the sockets back."""
        self._reader.close()
        self._writer.close()
