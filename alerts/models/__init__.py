"""Rules and the alerts they raise; routes, receivers and the notifications sent."""

from alerts.models.alerts import Alert, AlertSource, AlertState
from alerts.models.rules import Rule, RuleGroup, RuleHealth, RuleKind, Severity

__all__ = [
    "Alert",
    "AlertSource",
    "AlertState",
    "Rule",
    "RuleGroup",
    "RuleHealth",
    "RuleKind",
    "Severity",
]
