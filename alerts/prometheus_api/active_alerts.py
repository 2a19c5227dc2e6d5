"""`/api/v1/alerts`: the pending and firing alerts of rules.

Source: Prometheus 3, web/api/v1/api.go (`alerts`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from alerts.models import Alert, AlertSource
from alerts.prometheus_api.numbers import time_text, value_text
from alerts.prometheus_api.order import rule_order
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.prometheus_api.answers import encode
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import PrometheusView

# Read from the database and encoded at once.
_ALERTS_IN_A_PART = 500
_FIELDS = ("rule__group_id", "rule__position", "rule_id", "labels", "annotations", "state", "value", "active_at", "keep_firing_since")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """A pending or firing alert of a rule, as it is read for a list.

    Attributes:
        group_id: The group of its rule.
        position: The rule's place in the group.
        rule_id: The rule.
        labels: All of them, `alertname` too.
        annotations: With their templates filled in.
        state: `pending` or `firing`.
        value: What the expression gave last; None when it gave nothing.
        active_at: Since when it is active.
        keep_firing_since: Since when only `keep_firing_for` holds it.
    """

    group_id: int
    position: int
    rule_id: int
    labels: dict[str, str]
    annotations: dict[str, str]
    state: str
    value: float | None
    active_at: datetime
    keep_firing_since: datetime | None


class AlertsView(PrometheusView):
    """List active alerts."""

    permission_classes = [requires(read=Scope.ALERTS_READ)]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with those of all rules, rule by rule."""
        return answer(request, _parts())


def active_alerts(group_ids: Collection[int] | None = None) -> Iterator[ActiveAlert]:
    """Yield the active alerts of enabled rules in the order of the rules, oldest first.

    Args:
        group_ids: Those of the groups that count; None for all.
    """
    alerts = Alert.objects.unresolved().filter(
        source=AlertSource.RULE, rule__enabled=True, rule__group__enabled=True
    )
    if group_ids is not None:
        alerts = alerts.filter(rule__group__in=group_ids)
    rows = alerts.order_by(*rule_order("rule__"), "active_at", "pk").values_list(*_FIELDS)
    return (ActiveAlert(*row) for row in rows.iterator(chunk_size=_ALERTS_IN_A_PART))


def alert_parts(alerts: Iterable[ActiveAlert]) -> Iterator[bytes]:
    """Yield alerts as the items of a JSON list, without its brackets."""
    rest = iter(alerts)
    comma = b""
    while part := list(islice(rest, _ALERTS_IN_A_PART)):
        yield comma + encode([_alert_json(alert) for alert in part])[1:-1]
        comma = b","


def _parts() -> Iterator[bytes]:
    yield b'{"status":"success","data":{"alerts":['
    yield from alert_parts(active_alerts())
    yield b"]}}"


def _alert_json(alert: ActiveAlert) -> dict[str, Any]:
    found = {
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "state": alert.state,
        "activeAt": time_text(alert.active_at),
    }
    if alert.keep_firing_since:
        found["keepFiringSince"] = time_text(alert.keep_firing_since)
    return {**found, "value": value_text(alert.value)}
