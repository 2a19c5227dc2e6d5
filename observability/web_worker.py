"""gunicorn's worker with threads, quicker for programs that send one request after the other.

gunicorn gives a connection back to the main thread after every request and lets whichever
process comes first take a new one. Both cost senders of metrics more than their requests do: two
of them may share one process while the other is idle, and every request wakes three threads.
"""

from __future__ import annotations

import ctypes
import select
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# How long a thread waits for the next request of a connection that it has just answered.
_NEXT_REQUEST_MS = 2
# How long a process that has connections leaves a new one to the others, for each that it has.
_GIVE_WAY_SECONDS = 0.001
_MAX_GIVE_WAY_SECONDS = 0.005


# glibc's mallopt(): what is given back to the system at the end of the heap, and what is
# asked of it apart from the heap.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _APART_BYTES = 64_000_000, 32_000_000


def keep_memory() -> None:
    """Let the C library keep some megabytes that were freed, for the next query.

    Else each block of a query asks the system for memory that the block before gave back, which
    takes about as long as decoding the samples that go there. Other C libraries are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _APART_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """A process that keeps to a connection while requests follow each other, and takes its share of new ones."""

    def init_process(self) -> None:
        """Prepare the process before the application is loaded."""
        keep_memory()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless a process with fewer has done so meanwhile."""
        if self.nr_conns:
            time.sleep(min(self.nr_conns * _GIVE_WAY_SECONDS, _MAX_GIVE_WAY_SECONDS))
        super().accept(listener)

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow at once; the result is that of the last."""
        result = super().handle(conn)
        while result is True and self._continues(conn):
            result = super().handle(conn)
        return result

    def _continues(self, conn: Any) -> bool:
        """Say whether the next request of a connection is there, or comes while nobody else waits."""
        if conn.is_http2 or not self.alive or self.tpool._work_queue.qsize():
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(_NEXT_REQUEST_MS))
