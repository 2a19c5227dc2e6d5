"""Templates in the labels and annotations of alerting rules, as Prometheus expands them.

Source: Prometheus 3, template/template.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar
from urllib.parse import urlsplit

from alerts.templating import hosts, regexes
from alerts.templating.capitals import title
from alerts.templating.durations import SECOND, DurationPointer, bounded
from alerts.templating.errors import FunctionError, TemplateError
from alerts.templating.functions import escape_query
from alerts.templating.humanizing import (
    humanize,
    humanize_1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    to_float,
    to_time,
)
from alerts.templating.kinds import (
    ANY,
    STRING,
    Kind,
    StringMap,
    Struct,
    Type,
    Typed,
)
from alerts.templating.limits import Limits
from alerts.templating.signatures import Function
from alerts.templating.template import Template, parse
from observability.promql.durations import parse_duration_ms
from observability.promql.errors import PromQLError
from observability.promql.values import InstantVector, Scalar, Value

Query = Callable[[str, int], Value]
"""Answers an expression as of a time in milliseconds; raises `PromQLError`."""

_LIMITS = Limits()

PREAMBLE = (
    "{{$labels := .Labels}}"
    "{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}"
    "{{$value := .Value}}"
)
"""What stands in front of every annotation, so that it can say `$labels` and `$value`."""


class Sample(Struct):
    """A series and its value in the result of a query."""

    go_type = Type("*template.sample", Kind.POINTER)
    fields: ClassVar[Mapping[str, str]] = {"Labels": "labels", "Value": "value"}

    __slots__ = ("labels", "value")

    def __init__(self, labels: StringMap, value: float) -> None:
        self.labels = labels
        self.value = value


class QueryValues(Typed, list[Sample]):
    """The result of a query."""

    go_type = Type("template.queryResult", Kind.SLICE, "[]*template.sample", Sample.go_type)


@dataclass(frozen=True, slots=True)
class AlertData(Struct):
    """What the text of an alert is about."""

    labels: StringMap
    external_labels: StringMap
    external_url: str
    value: float

    go_type = Type(
        "struct { Labels map[string]string; ExternalLabels map[string]string;"
        " ExternalURL string; Value interface {} }",
        Kind.STRUCT,
    )
    fields = {
        "Labels": "labels",
        "ExternalLabels": "external_labels",
        "ExternalURL": "external_url",
        "Value": "value",
    }


def expand(
    text: str,
    *,
    name: str,
    labels: Mapping[str, str],
    value: float,
    external_labels: Mapping[str, str],
    external_url: str,
    at_ms: int,
    query: Query,
    limits: Limits = _LIMITS,
) -> str:
    """Return the text of a label or annotation of an alert.

    Args:
        text: The template.
        name: What errors call it; Prometheus has `__alert_` and the rule's name.
        labels: Those of the series that the rule found.
        value: The value of that series.
        external_labels: Labels of the whole system.
        external_url: Where the portal is reached.
        at_ms: When the rule is evaluated; queries are answered as of then.
        query: Answers the queries of the template.
        limits: What it may use.

    Raises:
        TemplateError: `error parsing template NAME: ...` or `error executing template NAME: ...`.
    """
    if "{{" not in text:
        return text
    data = AlertData(StringMap(labels), StringMap(external_labels), external_url, value)
    functions = STATIC | _functions_at(at_ms, external_url, query)
    template = parse_alert_template(text, name)
    try:
        return template.execute(data, functions, limits=limits)
    except TemplateError as error:
        raise TemplateError(f"error executing template {name}: {error}") from error


@lru_cache(maxsize=1024)
def parse_alert_template(text: str, name: str) -> Template:
    """Return the template of a label or annotation, with `$labels` and `$value` known.

    Raises:
        TemplateError: `error parsing template NAME: ...`.
    """
    try:
        return parse(PREAMBLE + text, name, NAMES)
    except TemplateError as error:
        raise TemplateError(f"error parsing template {name}: {error}") from error


def in_place(error: TemplateError) -> str:
    """Return what Prometheus shows in place of a text that cannot be expanded."""
    return f"<error expanding template: {error}>"


# Functions.


def _run_query(query: Query, at_ms: int, expression: str) -> QueryValues:
    try:
        result = query(expression, at_ms)
    except PromQLError as error:
        raise FunctionError(str(error)) from error
    if isinstance(result, Scalar):
        return QueryValues([Sample(StringMap(), result.value)])
    if not isinstance(result, InstantVector):
        raise FunctionError("rule result is not a vector or scalar")
    return QueryValues(Sample(StringMap(label_set), value) for label_set, value in result.samples())


def _first(values: QueryValues | None) -> Sample:
    if not values:
        raise FunctionError("first() called on vector with no elements")
    return values[0]


def _there(sample: Sample | None) -> Sample:
    if sample is None:
        raise FunctionError("runtime error: invalid memory address or nil pointer dereference")
    return sample


def _sorted_by(label: str, values: QueryValues | None) -> QueryValues:
    def key(sample: Sample) -> str:
        return sample.labels.get(label, "")

    return QueryValues(sorted(values or (), key=key))


def _arguments(*values: object) -> dict[str, object]:
    return {f"arg{position}": value for position, value in enumerate(values)}


def _to_duration(value: object) -> DurationPointer:
    number = to_float(value) * SECOND
    # Go's conversion of what is out of range gives the lowest number.
    is_in_range = math.isfinite(number) and abs(number) < 2.0**63
    return DurationPointer(bounded(int(number)) if is_in_range else -(2**63))


def _parse_duration(text: str) -> float:
    is_negative = text.startswith("-")
    if not text[is_negative:]:
        raise FunctionError("empty duration string")
    try:
        seconds = parse_duration_ms(text[is_negative:]) / 1000
    except ValueError as error:
        raise FunctionError(str(error)) from error
    return -seconds if is_negative else seconds


def _link(tab: int) -> Function:
    return Function(lambda expr: f"/graph?g0.expr={escape_query(expr)}&g0.tab={tab}", (STRING,))


def _of_text(call: Callable[[str], object]) -> Function:
    return Function(call, (STRING,))


def _of_any(call: Callable[[object], object]) -> Function:
    return Function(call, (ANY,))


STATIC: dict[str, Function] = {
    "args": Function(_arguments, rest=ANY),
    "first": Function(_first, (QueryValues.go_type,)),
    "graphLink": _link(0),
    "humanize": _of_any(humanize),
    "humanize1024": _of_any(humanize_1024),
    "humanizeDuration": _of_any(humanize_duration),
    "humanizePercentage": _of_any(humanize_percentage),
    "humanizeTimestamp": _of_any(humanize_timestamp),
    "label": Function(
        lambda label, sample: _there(sample).labels.get(label, ""), (STRING, Sample.go_type)
    ),
    "match": Function(regexes.matches, (STRING, STRING)),
    "parseDuration": _of_text(_parse_duration),
    "reReplaceAll": Function(regexes.replace_all, (STRING, STRING, STRING)),
    "safeHtml": _of_text(str),
    "sortByLabel": Function(_sorted_by, (STRING, QueryValues.go_type)),
    "stripDomain": _of_text(hosts.strip_domain),
    "stripPort": _of_text(hosts.strip_port),
    "strvalue": Function(
        lambda sample: _there(sample).labels.get("__value__", ""), (Sample.go_type,)
    ),
    "tableLink": _link(1),
    "title": _of_text(title),
    "toDuration": _of_any(_to_duration),
    "toLower": _of_text(str.lower),
    "toTime": _of_any(to_time),
    "toUpper": _of_text(str.upper),
    "urlQueryEscape": _of_text(escape_query),
    "value": Function(lambda sample: _there(sample).value, (Sample.go_type,)),
}
"""The functions that need nothing but their arguments."""


def _functions_at(at_ms: int, external_url: str, query: Query) -> dict[str, Function]:
    return {
        "externalURL": Function(lambda: external_url),
        "now": Function(lambda: at_ms / 1000),
        "pathPrefix": Function(lambda: urlsplit(external_url).path),
        "query": _of_text(partial(_run_query, query, at_ms)),
    }


NAMES = frozenset(STATIC) | {"externalURL", "now", "pathPrefix", "query"}
"""The functions that Prometheus adds to Go's."""
