"""Samples that wait for the database to come back."""

from __future__ import annotations

from collections import deque

import structlog
from django.db import DataError, IntegrityError, close_old_connections, connection
from django.db import Error as DatabaseError

from observability.metrics.backend import get_backend
from observability.metrics.instruments import SAMPLES_INGESTED
from observability.metrics.samples import SampleBatch

MAX_BATCHES = 1000
"""About two hours of two collectors at 15 s."""

log = structlog.get_logger(__name__)


class Backlog:
    """Batches on their way into the store, oldest first, bounded in memory."""

    def __init__(self, max_batches: int = MAX_BATCHES) -> None:
        self._batches: deque[SampleBatch] = deque()
        self._max_batches = max_batches

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: SampleBatch) -> None:
        """Take a batch; the oldest is given up when there is no room."""
        if len(self._batches) == self._max_batches:
            log.error("samples lost", samples=len(self._batches.popleft()), reason="backlog full")
        self._batches.append(batch)

    def flush(self) -> bool:
        """Store what waits, oldest first; return False when the database is away.

        A batch whose commit was not confirmed is stored again: equal samples count once.
        """
        close_old_connections()
        while self._batches:
            try:
                accepted = get_backend().append(self._batches[0])
            except (DataError, IntegrityError) as error:
                self._give_up(error)
            except DatabaseError as error:
                connection.close()
                log.warning("store is away", error=str(error), batches_waiting=len(self))
                return False
            # A batch that can never be stored must not block all others.
            except Exception as error:  # noqa: BLE001
                self._give_up(error)
            else:
                self._batches.popleft()
                SAMPLES_INGESTED.labels(protocol="collector").inc(accepted)
        return True

    def _give_up(self, error: Exception) -> None:
        log.error("samples lost", samples=len(self._batches.popleft()), reason=repr(error))
