"""The two resolutions of rollups, and the windows of time that a row of each covers."""

from __future__ import annotations

from observability.metrics.store.windows import DAY_MS

FIVE_MINUTES_MS = 300_000
HOUR_MS = 3_600_000
# Both divide a day, and are made a day of a metric at a time. A day's buckets of an hour are few, so that a row has four weeks of them.
ROW_MS = {FIVE_MINUTES_MS: DAY_MS, HOUR_MS: 28 * DAY_MS}


def row_start_ms(resolution_ms: int, timestamp_ms: int) -> int:
    """Return the start of the window of the row that a time belongs to."""
    return timestamp_ms // ROW_MS[resolution_ms] * ROW_MS[resolution_ms]
