"""The pages on which operators see to alerts; importing a part registers its pages."""

from alerts.admin import notifications, routing

__all__ = ["notifications", "routing"]
