"""The identity of an alert: a hash of its label set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from observability.promql.labels import LabelSet

_OFFSET_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_SEPARATOR = b"\xff"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the 64-bit FNV-1a hash of a label set, as 16 hex digits.

    It is the one that Alertmanager shows for the same labels.

    Source: prometheus/common, model/signature.go (`labelSetToFingerprint`).
    """
    digest = _OFFSET_BASIS
    text = b"".join(
        name.encode() + _SEPARATOR + labels[name].encode() + _SEPARATOR for name in sorted(labels)
    )
    for byte in text:
        digest = ((digest ^ byte) * _PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


# The same alerts come evaluation after evaluation, and the hash goes byte by byte.
@lru_cache(maxsize=65_536)
def fingerprint_of(labels: LabelSet) -> str:
    """Return the same of a label set that is a value."""
    return fingerprint(dict(labels))
