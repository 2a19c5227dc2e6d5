"""What the templates of a notification are about: a group of alerts, as Alertmanager shows it.

Source: Alertmanager, template/template.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from alerts.templating.kinds import (
    STRING,
    STRING_SLICE,
    Kind,
    StringMap,
    StringSlice,
    Struct,
    Type,
    Typed,
)
from alerts.templating.octets import to_octets
from alerts.templating.signatures import Function
from alerts.templating.times import Time

_ALERT_NAME = "alertname"


class Strings(StringSlice):
    """A list of texts that can be joined."""

    go_type = Type("template.Strings", Kind.SLICE, "[]string", STRING)
    methods: ClassVar[Mapping[str, Function]] = {
        "Join": Function(lambda strings, separator: separator.join(strings), (STRING,))
    }


@dataclass(frozen=True, slots=True)
class Pair(Struct):
    """A name and its value."""

    name: str
    value: str

    go_type = Type("template.Pair", Kind.STRUCT)
    fields = {"Name": "name", "Value": "value"}


class Pairs(Typed, list[Pair]):
    """Names and values in an order."""

    go_type = Type("template.Pairs", Kind.SLICE, "[]template.Pair", Pair.go_type)

    def names(self) -> Strings:
        """Return the names."""
        return Strings(pair.name for pair in self)

    def values(self) -> Strings:
        """Return the values."""
        return Strings(pair.value for pair in self)

    def __str__(self) -> str:
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)


Pairs.methods = {
    "Names": Function(Pairs.names),
    "String": Function(str),
    "Values": Function(Pairs.values),
}


class KV(StringMap):
    """Labels or annotations."""

    go_type = Type("template.KV", Kind.MAP, "map[string]string", STRING)

    def sorted_pairs(self) -> Pairs:
        """Return them by name, the name of the alert first."""
        names = sorted(self, key=lambda name: (name != _ALERT_NAME, to_octets(name)))
        return Pairs(Pair(name, self[name]) for name in names)

    def without(self, names: Iterable[str]) -> KV:
        """Return them without some of them."""
        left_out = frozenset(names)
        return KV({name: value for name, value in self.items() if name not in left_out})


KV.methods = {
    "Names": Function(lambda kv: kv.sorted_pairs().names()),
    "Remove": Function(lambda kv, names: kv.without(names or ()), (STRING_SLICE,)),
    "SortedPairs": Function(KV.sorted_pairs),
    "String": Function(lambda kv: str(kv.sorted_pairs())),
    "Values": Function(lambda kv: kv.sorted_pairs().values()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Struct):
    """One alert.

    Attributes:
        status: `firing` or `resolved`.
        fingerprint: The hash of its labels, in hexadecimal.
    """

    status: str
    labels: KV
    annotations: KV
    starts_at: Time
    ends_at: Time
    generator_url: str
    fingerprint: str

    go_type = Type("template.Alert", Kind.STRUCT)
    fields = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "starts_at",
        "EndsAt": "ends_at",
        "GeneratorURL": "generator_url",
        "Fingerprint": "fingerprint",
    }
    json_names = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "startsAt",
        "EndsAt": "endsAt",
        "GeneratorURL": "generatorURL",
        "Fingerprint": "fingerprint",
    }


class AlertSlice(Typed, list[Alert]):
    """Some of the alerts."""

    go_type = Type("[]template.Alert", Kind.SLICE, element=Alert.go_type)


class Alerts(AlertSlice):
    """All alerts of a group."""

    go_type = Type("template.Alerts", Kind.SLICE, "[]template.Alert", Alert.go_type)

    def of_status(self, status: str) -> AlertSlice:
        """Return those of a status."""
        return AlertSlice(alert for alert in self if alert.status == status)


Alerts.methods = {
    "Firing": Function(lambda alerts: alerts.of_status("firing")),
    "Resolved": Function(lambda alerts: alerts.of_status("resolved")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Struct):
    """A notification.

    Attributes:
        receiver: Its name, with the signs of regular expressions escaped.
        status: `firing` while one of the alerts is.
        notification_reason: Why it is sent now.
        route_labels: Labels of the route; their values may be templates.
        external_url: Where the portal is reached.
    """

    receiver: str
    status: str
    alerts: Alerts
    notification_reason: str
    group_labels: KV
    common_labels: KV
    common_annotations: KV
    route_labels: KV
    external_url: str

    go_type = Type("*template.Data", Kind.POINTER)
    fields = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "NotificationReason": "notification_reason",
        "GroupLabels": "group_labels",
        "CommonLabels": "common_labels",
        "CommonAnnotations": "common_annotations",
        "RouteLabels": "route_labels",
        "ExternalURL": "external_url",
    }
    json_names = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "NotificationReason": "notification_reason",
        "GroupLabels": "groupLabels",
        "CommonLabels": "commonLabels",
        "CommonAnnotations": "commonAnnotations",
        "RouteLabels": "routeLabels",
        "ExternalURL": "externalURL",
    }


def common(sets: Iterable[Mapping[str, str]]) -> KV:
    """Return the labels, or annotations, that all alerts have with the same value."""
    shared: dict[str, str] | None = None
    for labels in sets:
        if shared is None:
            shared = dict(labels)
        else:
            shared = {name: value for name, value in shared.items() if labels.get(name) == value}
    return KV(shared or {})
