"""Lists in Prometheus's envelope, written bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from observability.metrics.prometheus_api.answers import encode

TRUNCATED = "results truncated due to limit"

# Each encoded at once.
_ITEMS_PER_PART = 500


def list_parts(items: Iterable[Any], *, limit: int | None = None) -> Iterator[bytes]:
    """Yield the answer that lists these items; of more than the limit it warns that there are."""
    rest = iter(items)
    kept = rest if limit is None else islice(rest, limit)
    yield b'{"status":"success","data":['
    comma = b""
    while part := list(islice(kept, _ITEMS_PER_PART)):
        yield comma + encode(part)[1:-1]
        comma = b","
    if limit is not None and next(rest, None) is not None:
        yield b'],"warnings":["' + TRUNCATED.encode() + b'"]}'
    else:
        yield b"]}"
