"""The pages on which operators see to alerts; importing a part registers its pages."""

from alerts.admin import alerts, backtests, files, groups, history, notifications, routing, rules

__all__ = ["alerts", "backtests", "files", "groups", "history", "notifications", "routing", "rules"]
