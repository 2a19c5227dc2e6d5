"""How the pages of alerts show severities and states."""

from alerts.shown import SEVERITY_TONES, STATE_TONES

__all__ = ["SEVERITY_TONES", "STATE_TONES"]
