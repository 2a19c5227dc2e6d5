"""The URLs of rules and alerts in Prometheus's API, as those of the metrics."""

from __future__ import annotations

from alerts.prometheus_api.active_alerts import AlertsView
from alerts.prometheus_api.rule_groups import RulesView
from observability.metrics.prometheus_api.urls import prometheus_urls

urlpatterns = [
    *prometheus_urls("api/v1/rules", RulesView.as_view(), "prometheus-rules"),
    *prometheus_urls("api/v1/alerts", AlertsView.as_view(), "prometheus-alerts"),
]
