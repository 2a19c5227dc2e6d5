"""How severities and states are shown."""

from __future__ import annotations

from alerts.models import AlertState
from observability.access.shown import Tone

SEVERITY_TONES: dict[str, Tone] = {
    "info": "neutral",
    "warning": "warning",
    "error": "bad",
    "critical": "bad",
}
STATE_TONES: dict[str, Tone] = {
    AlertState.FIRING: "bad",
    AlertState.PENDING: "warning",
    AlertState.RESOLVED: "good",
}
