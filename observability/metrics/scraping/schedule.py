"""When targets are scraped: at multiples of their interval, each shifted by an offset of its own.

The offset comes from the target's fingerprint. So it is the same for ever, and the targets of one
interval do not all come due at once.
"""

from __future__ import annotations


def offset_ms(fingerprint: bytes, interval_ms: int) -> int:
    """Return how far a target's scrapes are shifted, from 0 to below the interval."""
    return int.from_bytes(fingerprint[:8], "big") % interval_ms


def next_scrape_ms(fingerprint: bytes, *, interval_ms: int, after_ms: int) -> int:
    """Return the first time after `after_ms` at which a target is to be scraped."""
    offset = offset_ms(fingerprint, interval_ms)
    return ((after_ms - offset) // interval_ms + 1) * interval_ms + offset
