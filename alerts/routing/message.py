"""What a notification says: a snapshot of a group, in the JSON of Alertmanager's webhook.

Beside Alertmanager's fields there are some of our own, which readers of its format overlook.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config (version 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

NO_END = datetime(1, 1, 1, tzinfo=UTC)
"""The `endsAt` of a firing alert, as Alertmanager writes it."""

MAX_ALERTS = 500
"""How many alerts a message carries; the rest are counted. No reader gets that far."""

_SEVERITIES = ("info", "warning", "error", "critical")
_LONGEST_TITLE = 200
_NAMES_IN_TITLE = 3


class MessageAlert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert as it was when the message was made.

    Attributes:
        value: What the rule's expression gave, as Prometheus writes numbers; empty when unknown.
        expr: The rule's expression; empty for an alert that no rule has raised.
        generator_url: The page that shows the expression over time; empty without one.
        alert_url: The alert's page in the portal.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime = NO_END
    generator_url: str = msgspec.field(name="generatorURL", default="")
    fingerprint: str
    name: str
    severity: str
    value: str = ""
    expr: str = ""
    alert_url: str = msgspec.field(name="alertURL", default="")

    @property
    def is_firing(self) -> bool:
        """Whether the alert was firing."""
        return self.status == "firing"

    @property
    def summary(self) -> str:
        """What is wrong, in the rule author's words; empty when they said nothing."""
        return self.annotations.get("summary") or self.annotations.get("message", "")

    @property
    def description(self) -> str:
        """What more the rule's author says; empty when nothing."""
        return self.annotations.get("description", "")

    @property
    def runbook_url(self) -> str:
        """Where it says what to do; empty when nowhere or when it is no web address."""
        url = self.annotations.get("runbook_url", "")
        return url if url.startswith(("https://", "http://")) else ""


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A group as one integration is told of it.

    Attributes:
        alerts: Firing and resolved alerts, by job, instance and the other labels.
        truncated_alerts: How many more alerts there are than `alerts` holds.
        firing_count: How many alerts are firing, with those that `alerts` does not hold.
        resolved_count: How many alerts are resolved, likewise.
        is_test: Whether the test button has made it, about no real alert.
    """

    version: str = "4"
    group_key: str
    status: Literal["firing", "resolved"]
    receiver: str
    group_labels: dict[str, str]
    common_labels: dict[str, str]
    common_annotations: dict[str, str]
    external_url: str = msgspec.field(name="externalURL")
    alerts: list[MessageAlert]
    truncated_alerts: int = 0
    firing_count: int
    resolved_count: int
    is_test: bool = False

    @property
    def is_firing(self) -> bool:
        """Whether any alert of the group was firing."""
        return self.status == "firing"

    @property
    def firing(self) -> list[MessageAlert]:
        """The alerts that were firing, the most severe first."""
        return _most_severe_first([alert for alert in self.alerts if alert.is_firing])

    @property
    def resolved(self) -> list[MessageAlert]:
        """The alerts that were resolved, the most severe first."""
        return _most_severe_first([alert for alert in self.alerts if not alert.is_firing])

    @property
    def severity(self) -> str:
        """The highest severity among the firing alerts, or among all when none fires."""
        shown = self.firing or self.alerts
        return max((alert.severity for alert in shown), key=_rank, default="info")

    @property
    def name(self) -> str:
        """The names of the alerts, shortened when they are many."""
        names = list(dict.fromkeys(alert.name for alert in self.firing or self.alerts))
        shown = ", ".join(names[:_NAMES_IN_TITLE])
        more = len(names) - _NAMES_IN_TITLE
        return f"{shown} and {more} more" if more > 0 else shown

    @property
    def title(self) -> str:
        """One line that says it all: `[FIRING:2] HighCPU (job=node)`."""
        if self.is_test:
            return _one_line(f"[TEST] Test message to {self.receiver}, nothing is wrong")
        badge = f"FIRING:{self.firing_count}" if self.is_firing else "RESOLVED"
        details = ", ".join(
            f"{name}={value}"
            for name, value in sorted(self.common_labels.items())
            if name not in {"alertname", "severity"}
        )
        return _one_line(f"[{badge}] {self.name}" + (f" ({details})" if details else ""))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, as it is stored and as a webhook sends it."""
        payload: dict[str, Any] = msgspec.to_builtins(self)
        return payload

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Message:
        """Return the message that `to_json` gave."""
        return msgspec.convert(payload, cls)


def compose(
    alerts: Sequence[MessageAlert],
    *,
    group_key: str,
    group_labels: Mapping[str, str],
    receiver: str,
    external_url: str,
) -> Message:
    """Return the message about these alerts of a group; firing ones go first where not all fit."""
    in_order = sorted(alerts, key=_sort_key)
    firing = [alert for alert in in_order if alert.is_firing]
    kept = in_order
    if len(in_order) > MAX_ALERTS:
        resolved = [alert for alert in in_order if not alert.is_firing]
        kept = sorted([*firing, *resolved][:MAX_ALERTS], key=_sort_key)
    return Message(
        group_key=group_key,
        status="firing" if firing else "resolved",
        receiver=receiver,
        group_labels=dict(group_labels),
        common_labels=_common([alert.labels for alert in alerts]),
        common_annotations=_common([alert.annotations for alert in alerts]),
        external_url=external_url,
        alerts=kept,
        truncated_alerts=len(alerts) - len(kept),
        firing_count=len(firing),
        resolved_count=len(alerts) - len(firing),
    )


def format_value(value: float | None) -> str:
    """Return a sample's value as Prometheus writes it: `0.5`, `12`, `+Inf`, `NaN`."""
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")


def short_value(value: str) -> str:
    """Return a value for the eye, with four significant digits at least: `93.42`, `1,532,114`."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    if abs(number) >= 1000:
        return f"{number:,.0f}" if abs(number) < 1e15 else f"{number:.4g}"
    return f"{number:.4g}"


def _one_line(title: str) -> str:
    """Return the title without the line breaks that a label value may hold, and not too long."""
    title = " ".join(title.split())
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"


def _common(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not mappings:
        return {}
    common = dict(mappings[0])
    for mapping in mappings[1:]:
        common = {name: value for name, value in common.items() if mapping.get(name) == value}
    return common


def _sort_key(alert: MessageAlert) -> tuple[str, str, list[tuple[str, str]]]:
    labels = alert.labels
    return labels.get("job", ""), labels.get("instance", ""), sorted(labels.items())


def _most_severe_first(alerts: list[MessageAlert]) -> list[MessageAlert]:
    return sorted(alerts, key=lambda alert: -_rank(alert.severity))


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else 0
