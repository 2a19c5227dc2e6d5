"""Rules and the alerts they raise; routes, receivers and the notifications sent."""

from alerts.models.alerts import Alert, AlertEvent, AlertEventKind, AlertSource, AlertState
from alerts.models.backtests import Backtest, BacktestStatus
from alerts.models.notifications import (
    Notification,
    NotificationReason,
    NotificationStatus,
)
from alerts.models.revisions import RevisionAction, RevisionSubject, RuleRevision
from alerts.models.routing import AlertGroup, AlertGroupMember, Integration, Receiver, Route
from alerts.models.rules import Otherwise, Rule, RuleGroup, RuleHealth, RuleKind, Severity
from alerts.models.watched_files import WatchedRuleFile

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertEventKind",
    "AlertGroup",
    "AlertGroupMember",
    "AlertSource",
    "AlertState",
    "Backtest",
    "BacktestStatus",
    "Integration",
    "Notification",
    "NotificationReason",
    "NotificationStatus",
    "Otherwise",
    "Receiver",
    "RevisionAction",
    "RevisionSubject",
    "Route",
    "Rule",
    "RuleGroup",
    "RuleHealth",
    "RuleKind",
    "RuleRevision",
    "Severity",
    "WatchedRuleFile",
]
