"""How the pages of alerts show severities."""

from __future__ import annotations

from observability.access.shown import Tone

SEVERITY_TONES: dict[str, Tone] = {
    "info": "neutral",
    "warning": "warning",
    "error": "bad",
    "critical": "bad",
}
