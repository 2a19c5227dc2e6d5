"""Templates of notifications, as Alertmanager renders them.

Source: Alertmanager, template/template.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.templating import regexes
from alerts.templating.capitals import title_lower
from alerts.templating.clock_parsing import parse_time
from alerts.templating.durations import Duration, bounded
from alerts.templating.errors import FunctionError, TemplateError
from alerts.templating.execution import Output
from alerts.templating.html_output import HTML_FUNCTIONS, HtmlOutput
from alerts.templating.html_values import SafeHtml, SafeUrl
from alerts.templating.humanizing import humanize_duration
from alerts.templating.json_text import to_json
from alerts.templating.kinds import ANY, SLICE, STRING, STRING_SLICE, StringSlice
from alerts.templating.limits import BoundedText
from alerts.templating.literals import quote
from alerts.templating.nodes import Tree
from alerts.templating.notification_data import Data
from alerts.templating.octets import from_octets, to_octets
from alerts.templating.signatures import Function
from alerts.templating.template import parse
from alerts.templating.times import TIME, ZERO_TIME, Time

Trees = Mapping[str, Tree]


@dataclass(frozen=True, slots=True)
class Notifier:
    """Templates that all texts of notifications can include, and the time they are rendered at.

    Attributes:
        now: What `now` and `since` take for the time.
        templates: From `load`.
    """

    now: Time
    templates: Trees = field(default_factory=dict)

    def text(self, template: str, data: Data) -> str:
        """Return a text of a notification: a title, a message, a URL.

        Raises:
            TemplateError: It cannot be parsed or executed.
        """
        return self._render(template, data, Output, {})

    def html(self, template: str, data: Data) -> str:
        """Return a text of a notification as HTML, with every value escaped for its place.

        Raises:
            TemplateError: It cannot be parsed or executed.
        """
        return self._render(template, data, HtmlOutput, HTML_FUNCTIONS)

    def _render(
        self,
        template: str,
        data: Data,
        output: type[Output],
        functions: Mapping[str, Function],
    ) -> str:
        if "{{" not in template:
            return template
        route_labels = _RouteLabels(
            data.route_labels,
            lambda text: self._expand(text, data, output, functions, route_labels),
        )
        return self._expand(template, data, output, functions, route_labels)

    def _expand(
        self,
        template: str,
        data: Data,
        output: type[Output],
        functions: Mapping[str, Function],
        route_labels: _RouteLabels,
    ) -> str:
        known = {
            **STATIC,
            **functions,
            "now": Function(lambda: self.now),
            "since": Function(partial(_since, self.now), (TIME,)),
            "routeLabels": Function(route_labels.resolve, (STRING,)),
        }
        return parse(template, "", NAMES, known=self.templates).execute(data, known, output=output)


def load(files: Mapping[str, str]) -> Trees:
    """Return the templates that files define, later ones in place of earlier ones of a name.

    Raises:
        TemplateError: One of the files is not a template.
    """
    trees: Trees = {}
    for name, text in files.items():
        trees = parse(text, name, NAMES, known=trees).trees
    return trees


@dataclass(slots=True)
class _RouteLabels:
    """Labels of a route, whose values are templates that may ask for one another."""

    raw: Mapping[str, str]
    expand: Callable[[str], str]
    done: dict[str, str] = field(default_factory=dict)
    under_way: list[str] = field(default_factory=list)

    def resolve(self, name: str) -> str:
        """Return the value of a label; '' where there is none.

        Raises:
            FunctionError: Its template is wrong, or needs its own value.
        """
        if name in self.done or name not in self.raw:
            return self.done.get(name, "")
        if name in self.under_way:
            cycle = " -> ".join([*self.under_way, name])
            raise FunctionError(f"route label cycle detected: {cycle}")
        self.under_way.append(name)
        try:
            self.done[name] = self.expand(self.raw[name])
        except TemplateError as error:
            raise FunctionError(str(error)) from error
        self.under_way.pop()
        return self.done[name]


# Functions.


def _since(now: Time, time: Time) -> Duration:
    return Duration(bounded(now.unix_ns - time.unix_ns))


def _join(separator: str, strings: Sequence[str] | None) -> str:
    out = BoundedText()
    for position, text in enumerate(strings or ()):
        out.write(separator if position else "")
        out.write(text)
    return str(out)


def _in_zone(name: str, time: Time) -> Time:
    try:
        zone = ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FunctionError(f"unknown time zone {name}") from error
    return Time(time.unix_ns, zone)


def _to_date(layout: str, text: str) -> Time:
    try:
        return parse_time(layout, text)
    except ValueError:
        return ZERO_TIME


def _must_to_date(layout: str, text: str) -> Time:
    try:
        return parse_time(layout, text)
    except ValueError as error:
        raise FunctionError(str(error)) from error


def _unescape_query(text: str) -> str:
    octets = to_octets(text)
    for place in range(len(octets)):
        if octets[place] == 0x25:
            escape = octets[place : place + 3]
            if len(escape) < 3 or not set(escape[1:]) <= set(b"0123456789abcdefABCDEF"):
                raise FunctionError(f"invalid URL escape {quote(from_octets(escape))}")
    return unquote_plus(text, errors="surrogateescape")


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(to_octets(text)).decode()


def _decode(text: str) -> str:
    octets = to_octets(text).replace(b"\r", b"").replace(b"\n", b"")
    try:
        return from_octets(base64.b64decode(octets, b"-_", validate=True))
    except binascii.Error as error:
        raise FunctionError("illegal base64 data") from error


def _append(items: Sequence[object] | None, *more: object) -> list[object]:
    return [*(items or ()), *more]


def _dict(*values: object) -> dict[str, object]:
    if len(values) % 2:
        raise FunctionError("dict requires an even number of arguments")
    pairs: dict[str, object] = {}
    for key, value in zip(values[::2], values[1::2], strict=True):
        if type(key) is not str:
            raise FunctionError("dict keys must be strings")
        pairs[key] = value
    return pairs


def _of_text(call: Callable[[str], object]) -> Function:
    return Function(call, (STRING,))


STATIC: dict[str, Function] = {
    "append": Function(_append, (SLICE,), ANY),
    "base64decode": _of_text(_decode),
    "base64encode": _of_text(_encode),
    "date": Function(
        lambda layout, time: Time.methods["Format"].call(time, layout), (STRING, TIME)
    ),
    "dict": Function(_dict, rest=ANY),
    "humanizeDuration": Function(humanize_duration, (ANY,)),
    "join": Function(_join, (STRING, STRING_SLICE)),
    "list": Function(lambda *values: list(values), rest=ANY),
    "match": Function(regexes.matches, (STRING, STRING)),
    "mustToDate": Function(_must_to_date, (STRING, STRING)),
    "reReplaceAll": Function(regexes.replace_all, (STRING, STRING, STRING)),
    "safeHtml": _of_text(SafeHtml),
    "safeUrl": _of_text(SafeUrl),
    "stringSlice": Function(lambda *texts: StringSlice(texts), rest=STRING),
    "title": _of_text(title_lower),
    "toDate": Function(_to_date, (STRING, STRING)),
    "toJson": Function(to_json, (ANY,)),
    "toLower": _of_text(str.lower),
    "toUpper": _of_text(str.upper),
    "trimSpace": _of_text(str.strip),
    "tz": Function(_in_zone, (STRING, TIME)),
    "urlUnescape": _of_text(_unescape_query),
}
"""The functions that need nothing but their arguments."""

NAMES = frozenset(STATIC) | {"now", "since", "routeLabels"}
"""The functions that Alertmanager adds to Go's."""
