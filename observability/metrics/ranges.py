"""The time ranges that pages with charts offer."""

from __future__ import annotations

RANGES = {"15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400, "7d": 604_800}
"""How far back from now, in seconds, by the name that people choose."""
