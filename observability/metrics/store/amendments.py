"""Amendments: changes to a past that was thought to be settled.

Who keeps answers of the past must learn when it changes after all: by late samples, deletion and
retention. Each of these writes down, in the transaction that makes the change visible, which stretch
of time it may have touched. An answer that was worked out when all transactions before some number
were over holds as long as no amendment of its stretch has that number or a higher one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from observability.metrics.store.windows import DAY_MS

LATE_MS = 5 * 60_000
"""Samples that are older when they are written amend the past; writers are seldom so late."""

SETTLED_MS = 2 * LATE_MS
"""Answers for times that are older than this may be kept.

What is between is the time that a write may take from the moment when it is found not to be late
until it is committed, clocks that differ included; a statement takes 30 seconds at most.
"""

MAX_KEPT_SECONDS = 3600
"""For how long answers may be kept at most: amendments are forgotten some time after that."""

# Before and after all samples.
_EARLIEST_MS, _LATEST_MS = -(2**61), 2**61
# The time of an answer begins before it is evaluated, which takes two minutes at most.
_REMEMBERED_SECONDS = MAX_KEPT_SECONDS + 600

# Amendments that begin and end in the same parts of time become one. Short enough that a sender which
# is late by a quarter of an hour, always, touches nothing older.
_TIDIED_MS = 10 * 60_000

_INSERT = "INSERT INTO metrics_amendment (start_ms, end_ms)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What an answer was made of: both ends are included.

    Attributes:
        start_ms: The time of the oldest sample that can have been read.
        end_ms: That of the newest.
        as_of: The number that `moment` gave before it was evaluated.
    """

    start_ms: int
    end_ms: int
    as_of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How things stand now.

    Attributes:
        store: Names this store; it is another one after a restore, or a restart of PostgreSQL.
        as_of: All transactions with smaller numbers are over, and what is read from now on sees them.
        holds: Of each stretch that was asked about, whether no amendment has touched it.
    """

    store: str
    as_of: int
    holds: list[bool]


def is_late(timestamp_ms: int) -> bool:
    """Say whether a sample of this time amends the past when it is written now."""
    return timestamp_ms < time.time() * 1000 - LATE_MS


def noting(insertion: str) -> str:
    """Return a statement that also notes what it inserts as an amendment, and inserts as many rows of these.

    Args:
        insertion: Into a table with `min_timestamp_ms` and `max_timestamp_ms`.
    """
    return (
        f"WITH inserted AS ({insertion} RETURNING min_timestamp_ms, max_timestamp_ms)"  # noqa: S608 (our own statements)
        f" {_INSERT} SELECT min_timestamp_ms, max_timestamp_ms FROM inserted"
    )


def record(start_ms: int = _EARLIEST_MS, end_ms: int = _LATEST_MS) -> None:
    """Note that samples between these times, included, go; call it in the transaction that does it.

    Their whole days are amended: what is read of a day depends on whether all of it is there.
    """
    start_ms, end_ms = start_ms // DAY_MS * DAY_MS, (end_ms // DAY_MS + 1) * DAY_MS
    with connection.cursor() as cursor:
        cursor.execute(f"{_INSERT} VALUES (%s, %s)", [start_ms, end_ms])


def moment(stretches: Sequence[Stretch]) -> Moment:
    """Return how things stand; ask before reading what is to be kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM pg_postmaster_start_time()) || '/'"
            "   || pg_relation_filenode('metrics_samplelog'),"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
            " ARRAY(SELECT NOT EXISTS (SELECT FROM metrics_amendment AS amendment"
            "     WHERE amendment.transaction_id >= stretch.as_of"
            "     AND amendment.start_ms <= stretch.end_ms AND amendment.end_ms >= stretch.start_ms)"
            "   FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
            "     WITH ORDINALITY AS stretch (start_ms, end_ms, as_of, place)"
            "   ORDER BY place)",
            [
                [stretch.start_ms for stretch in stretches],
                [stretch.end_ms for stretch in stretches],
                [stretch.as_of for stretch in stretches],
            ],
        )
        store, as_of, holds = cursor.fetchone()
    return Moment(store=store, as_of=as_of, holds=holds)


def tidy() -> None:
    """Forget amendments that no kept answer is older than, and make one of those of the same minutes.

    The one has the highest of their numbers and reaches as far as all of them, so that no answer
    holds that did not. It may be run by several workers at once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH settled AS (DELETE FROM metrics_amendment"
            "   WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            "     OR made_at <= now() - make_interval(secs => %(seconds)s)"
            "   RETURNING start_ms, end_ms, transaction_id, made_at)"
            " INSERT INTO metrics_amendment (start_ms, end_ms, transaction_id, made_at)"
            " SELECT min(start_ms), max(end_ms), max(transaction_id), max(made_at) FROM settled"
            " WHERE made_at > now() - make_interval(secs => %(seconds)s)"
            " GROUP BY start_ms / %(part)s, end_ms / %(part)s",
            {"seconds": _REMEMBERED_SECONDS, "part": _TIDIED_MS},
        )
