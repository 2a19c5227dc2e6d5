"""The pages on which operators see to alerts; importing a part registers its pages."""

from alerts.admin import alerts, backtests, groups, history, notifications, routing, rules

__all__ = ["alerts", "backtests", "groups", "history", "notifications", "routing", "rules"]
