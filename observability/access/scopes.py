"""What an API key may be allowed to do, and the Django permission that gives a person the same."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models


class Scope(models.TextChoices):
    """One thing that a key may do. `write` does not include `read`; `admin` includes everything."""

    METRICS_WRITE = "metrics:write", "Record metrics"
    METRICS_READ = "metrics:read", "Read and query metrics"
    ALERTS_WRITE = "alerts:write", "Manage rules and alerts"
    ALERTS_READ = "alerts:read", "Read rules and alerts"
    DASHBOARDS_WRITE = "dashboards:write", "Manage dashboards"
    DASHBOARDS_READ = "dashboards:read", "Read dashboards"
    DATABASE_READ = "database:read", "Look into the database"
    DATABASE_ACT = "database:act", "Act on the database (reset statistics, end queries)"
    POOL_WRITE = "pool:write", "Report from the mining pool"
    POOL_READ = "pool:read", "Read the mining pool"
    LOGS_WRITE = "logs:write", "Send logs"
    LOGS_READ = "logs:read", "Read logs"
    ADMIN = "admin", "Everything"


SCOPE_PERMISSIONS: dict[Scope, str] = {
    Scope.METRICS_WRITE: "metrics.add_series",
    Scope.METRICS_READ: "metrics.view_series",
    Scope.ALERTS_WRITE: "alerts.change_alert",
    Scope.ALERTS_READ: "alerts.view_alert",
    Scope.DASHBOARDS_WRITE: "dashboards.change_dashboard",
    Scope.DASHBOARDS_READ: "dashboards.view_dashboard",
    Scope.DATABASE_READ: "database.view_insight",
    Scope.DATABASE_ACT: "database.change_insight",
    Scope.POOL_WRITE: "pool.change_miner",
    Scope.POOL_READ: "pool.view_miner",
    Scope.LOGS_WRITE: "logs.add_stream",
    Scope.LOGS_READ: "logs.view_stream",
    Scope.ADMIN: "access.change_apikey",
}
"""The permission that gives a signed-in user, by session or JWT, the same right as the scope."""


def allows(granted: Collection[str], scope: Scope) -> bool:
    """Say whether the granted scopes include `scope`."""
    return scope in granted or Scope.ADMIN in granted
