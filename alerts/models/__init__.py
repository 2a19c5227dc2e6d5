"""Rules and the alerts they raise; routes, receivers and the notifications sent."""

from alerts.models.alerts import Alert, AlertSource, AlertState
from alerts.models.notifications import (
    Notification,
    NotificationReason,
    NotificationStatus,
)
from alerts.models.routing import AlertGroup, AlertGroupMember, Integration, Receiver, Route
from alerts.models.rules import Rule, RuleGroup, RuleHealth, RuleKind, Severity

__all__ = [
    "Alert",
    "AlertGroup",
    "AlertGroupMember",
    "AlertSource",
    "AlertState",
    "Integration",
    "Notification",
    "NotificationReason",
    "NotificationStatus",
    "Receiver",
    "Route",
    "Rule",
    "RuleGroup",
    "RuleHealth",
    "RuleKind",
    "Severity",
]
