"""How much an alert matters, whatever words its labels use."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.models import Severity

# What rule files of others say, in small letters.
_OTHER_WORDS = {
    "information": Severity.INFO,
    "informational": Severity.INFO,
    "notice": Severity.INFO,
    "none": Severity.INFO,
    "low": Severity.INFO,
    "p5": Severity.INFO,
    "p4": Severity.WARNING,
    "warn": Severity.WARNING,
    "medium": Severity.WARNING,
    "ticket": Severity.WARNING,
    "p3": Severity.WARNING,
    "p2": Severity.ERROR,
    "high": Severity.ERROR,
    "major": Severity.ERROR,
    "p1": Severity.CRITICAL,
    "crit": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "disaster": Severity.CRITICAL,
}


def severity_of(labels: Mapping[str, str]) -> Severity:
    """Return the severity that an alert's labels name; one that is not known is a warning."""
    word = labels.get("severity", "").lower()
    if word in Severity.values:
        return Severity(word)
    return _OTHER_WORDS.get(word, Severity.WARNING)
