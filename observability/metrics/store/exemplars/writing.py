"""Writing exemplars: what is news of a series goes to the end of the table, the oldest leave it.

Source: Prometheus 3, tsdb/exemplar.go (`validateExemplar`, `AddExemplar`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from django.db import connection

from observability.metrics.exemplars import Exemplar

# As many as Prometheus keeps by default.
MAX_EXEMPLARS = 100_000
# How many come before the oldest are deleted.
TRIM_STEP = 1_000

# Only what is newer than all of its series is news; sorted, so that nobody waits in a ring.
_INSERT = """
WITH sent AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::text[]::jsonb[], %s::bool[])
        AS sent (series_id, timestamp_ms, value, labels, has_own_time)
), written AS (
    INSERT INTO metrics_exemplar (series_id, timestamp_ms, value, labels)
    SELECT sent.series_id, sent.timestamp_ms, sent.value, sent.labels
    FROM sent LEFT JOIN LATERAL (
        SELECT * FROM metrics_exemplar WHERE series_id = sent.series_id
        ORDER BY timestamp_ms DESC LIMIT 1
    ) AS newest ON TRUE
    WHERE EXISTS (SELECT FROM metrics_series WHERE id = sent.series_id)
        AND (newest.id IS NULL OR newest.timestamp_ms < sent.timestamp_ms AND (
            sent.has_own_time OR newest.value <> sent.value OR newest.labels <> sent.labels))
    ORDER BY sent.series_id, sent.timestamp_ms
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM written
"""


def write(by_series: Mapping[int, Sequence[Exemplar]]) -> int:
    """Store exemplars by the ids of their series; return how many were news.

    Of a series that does not exist, of a time already known or before its newest: none.
    """
    rows = [
        (
            series_id,
            exemplar.timestamp_ms,
            exemplar.value,
            msgspec.json.encode(exemplar.labels).decode(),
            exemplar.has_own_time,
        )
        for series_id, exemplars in by_series.items()
        for exemplar in exemplars
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
        written, first_id, last_id = cursor.fetchone()
        if last_id // TRIM_STEP > (first_id - 1) // TRIM_STEP:
            cursor.execute(
                "DELETE FROM metrics_exemplar WHERE id IN (SELECT id FROM metrics_exemplar"
                " WHERE id <= %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)",
                [last_id - MAX_EXEMPLARS, 2 * TRIM_STEP + written],
            )
    return int(written)
