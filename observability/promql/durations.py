"""Durations as PromQL writes them."""

import math
import re

_UNITS = (
    # The first two only when nothing is left over, as Prometheus prints them:
    # 14 days are `2w`, but 8 days are `8d` and not `1w1d`.
    ("y", 365 * 86_400_000, True),
    ("w", 7 * 86_400_000, True),
    ("d", 86_400_000, False),
    ("h", 3_600_000, False),
    ("m", 60_000, False),
    ("s", 1_000, False),
    ("ms", 1, False),
)
_SIZES_MS = {unit: size_ms for unit, size_ms, _ in _UNITS}
_PART = re.compile(r"([0-9]+)([^0-9]+)")

LONGEST_MS = (2**63 - 1) // 1_000_000
"""What Go's duration of 64-bit nanoseconds can hold: 292 years."""

_MOST = 2**64 - 1


def format_duration(duration_ms: int) -> str:
    """Return a duration as PromQL text: `1h30m`, `0s`, `-5m`."""
    if duration_ms == 0:
        return "0s"
    text = "-" if duration_ms < 0 else ""
    rest = abs(duration_ms)
    for unit, size_ms, is_exact_only in _UNITS:
        if is_exact_only and rest % size_ms:
            continue
        count, rest = divmod(rest, size_ms)
        if count:
            text += f"{count}{unit}"
    return text


def parse_duration_ms(text: str) -> int:
    """Return a duration such as `1h30m` or `500ms` in milliseconds; `0` needs no unit.

    Raises:
        ValueError: The text is not a duration, or one of more than 292 years; units go
            from large to small, each once.
    """
    if text == "0":
        return 0
    duration_ms, at, larger_ms = 0, 0, math.inf
    while part := _PART.match(text, at):
        count, unit = int(part[1]), part[2]
        if count > _MOST:
            break
        if unit not in _SIZES_MS:
            raise ValueError(f'unknown unit "{unit}" in duration "{text[:100]}"')
        if _SIZES_MS[unit] >= larger_ms:
            break
        larger_ms = _SIZES_MS[unit]
        duration_ms += count * larger_ms
        at = part.end()
    if at < len(text) or not text:
        raise ValueError(f'not a valid duration string: "{text[:100]}"')
    if duration_ms > LONGEST_MS:
        raise ValueError("duration out of range")
    return duration_ms
