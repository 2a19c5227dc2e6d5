"""Which times a sample may have, whatever protocol it comes by."""

from __future__ import annotations

# How far ahead of this machine's clock a sample may be.
MAX_AHEAD_MS = 10 * 60_000
# How long samples are kept; what is older could never be read.
RETENTION_MS = 30 * 86_400_000


def time_fault(timestamp_ms: int, *, now_ms: int) -> str:
    """Return what is wrong with a sample's time, '' when nothing is."""
    if timestamp_ms > now_ms + MAX_AHEAD_MS:
        return "more than 10 minutes in the future"
    if timestamp_ms < now_ms - RETENTION_MS:
        return "older than the 30 days for which samples are kept"
    return ""
