"""A notification as its templates see it, and cases as pytest takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from alerts.templating.alertmanager import Notifier
from alerts.templating.clock_parsing import parse_time
from alerts.templating.errors import TemplateError
from alerts.templating.notification_data import KV, Alert, Alerts, Data
from alerts.templating.times import Time
from tests.alerts.templating.amtool_cases import NOTIFICATION, Cases

NOW = Time(1_709_712_000_000_000_000)  # 2024-03-06 08:00 UTC


def time(text: str) -> Time:
    return parse_time("2006-01-02T15:04:05.999999999Z07:00", text)


def alert(shown: Mapping[str, Any]) -> Alert:
    return Alert(
        status=shown["status"],
        labels=KV(shown["labels"]),
        annotations=KV(shown["annotations"]),
        starts_at=time(shown["startsAt"]),
        ends_at=time(shown["endsAt"]),
        generator_url=shown["generatorURL"],
        fingerprint=shown["fingerprint"],
    )


def notification(**route_labels: str) -> Data:
    return Data(
        receiver=NOTIFICATION["receiver"],
        status=NOTIFICATION["status"],
        alerts=Alerts(map(alert, NOTIFICATION["alerts"])),
        notification_reason="",
        group_labels=KV(NOTIFICATION["groupLabels"]),
        common_labels=KV(NOTIFICATION["commonLabels"]),
        common_annotations=KV(NOTIFICATION["commonAnnotations"]),
        route_labels=KV(route_labels),
        external_url=NOTIFICATION["externalURL"],
    )


def text(template: str, **route_labels: str) -> str:
    return Notifier(NOW).text(template, notification(**route_labels))


def html(template: str) -> str:
    return Notifier(NOW).html(template, notification())


def rendered(template: str) -> str:
    """Return the text of a template, or what is wrong with it."""
    try:
        return text(template)
    except TemplateError as error:
        return str(error)


def params(*lists: Cases) -> list[Any]:
    """Return the cases of some lists, each with its template for an id."""
    return [
        pytest.param(template, expected, id=ascii(template)[1:70])
        for cases in lists
        for template, expected in cases
    ]
