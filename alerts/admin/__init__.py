"""The pages on which operators see to alerts; importing a part registers its pages."""

from alerts.admin import alerts, notifications, routing, rules

__all__ = ["alerts", "notifications", "routing", "rules"]
