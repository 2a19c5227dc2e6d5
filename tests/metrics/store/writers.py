"""Writing and reading as programs do: by labels, with ids from the memory of the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from django.db import connection

from observability.metrics.store import catalogue, log
from observability.metrics.store.log import LogSamples
from observability.metrics.store.selection import find_series
from observability.promql.labels import LabelSet
from tests.metrics.store.database import read_all
from tests.metrics.store.samples import Row


def write(labels: Sequence[LabelSet], rows: Sequence[Row]) -> None:
    """Write samples whose series are given by their places in `labels`."""
    places = [row[0] for row in rows]
    wanted = sorted(set(places))

    def append_in(epoch: catalogue.Epoch) -> None:
        ids = catalogue.series_ids([labels[place] for place in wanted])
        log.append(
            LogSamples(
                series_ids=ids[np.searchsorted(wanted, places)],
                timestamps_ms=np.array([row[1] for row in rows]),
                values=np.array([row[2] for row in rows]),
            ),
            epoch,
        )

    catalogue.with_current_ids(append_in)


def contents(labels: Sequence[LabelSet]) -> list[tuple[int, int, int]]:
    """Return what readers find: place in `labels`, milliseconds, bit pattern of each sample."""
    found = {series.id: labels.index(series.labels) for series in find_series([])}
    return sorted((found[one], at, bits) for one, at, bits in read_all(sorted(found)))


def on_own_connection(work: Callable[[], object]) -> Callable[[], object]:
    """Return the same work for a thread, which has a connection of its own to close."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    return run
