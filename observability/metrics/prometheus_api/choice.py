"""Which series a request is about: `match[]`, `start` and `end`; and how much of the answer it wants.

Source: Prometheus 3, web/api/v1/api.go (`parseMatchersParam`, `parseTimeParam`, `parseLimitParam`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rest_framework.request import Request

from observability.metrics.parameters import parse_timestamp_ms
from observability.metrics.period import Period
from observability.metrics.prometheus_api.view import BadParameterError
from observability.metrics.store.listing import Selectors
from observability.promql.errors import BadDataError, ParseError
from observability.promql.matchers import Matcher
from observability.promql.parser import parse_metric_selector

# Beyond these, in seconds, clients mean that they do not care.
_MOST_SECONDS = 1e12
# What Go's client writes for them, in years that no calendar of ours has.
_OPEN_ENDS = ("-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LARGEST_INTEGER = 2**63 - 1


def texts(request: Request, name: str) -> list[str]:
    """Return all values of a parameter, those of a posted form first."""
    return [*request.POST.getlist(name), *request.query_params.getlist(name)]


def read_selectors(request: Request) -> Selectors:
    """Return the matchers of each `match[]`.

    Raises:
        BadDataError: One of them is no selector, or selects all series.
    """
    try:
        selectors = [parse_metric_selector(text).all_matchers for text in texts(request, "match[]")]
    except ParseError as error:
        # Otherwise it would be told as one of a query.
        raise BadDataError(str(error)) from error
    for matchers in selectors:
        if _selects_all(matchers):
            raise BadDataError("match[] must contain at least one non-empty matcher")
    return selectors


def _selects_all(matchers: Sequence[Matcher]) -> bool:
    return all(matcher.matches("") for matcher in matchers)


def read_period(request: Request) -> Period:
    """Return the time between `start` and `end`; each may be missing."""
    return Period(_time_ms(request, "start"), _time_ms(request, "end"))


def _time_ms(request: Request, name: str) -> int | None:
    text = next((text for text in texts(request, name) if text), "")
    if not text or text in _OPEN_ENDS or _is_beyond(text):
        return None
    try:
        return parse_timestamp_ms(text)
    except ValueError as error:
        raise BadParameterError(name, f"invalid time value for '{name}': {error}") from error


def _is_beyond(text: str) -> bool:
    try:
        return abs(float(text)) > _MOST_SECONDS
    except ValueError:
        return False


def read_limit(request: Request) -> int | None:
    """Return `limit`, None when there is none, which 0 says as well."""
    limit = read_integer(request, "limit")
    if limit is not None and limit < 0:
        raise BadParameterError("limit", "limit must be non-negative")
    return limit or None


def read_integer(request: Request, name: str) -> int | None:
    """Return a whole number, None when it is missing."""
    text = next((text for text in texts(request, name) if text), "")
    if not text:
        return None
    fault = _integer_fault(text)
    if fault:
        raise BadParameterError(name, f'strconv.Atoi: parsing "{text[:100]}": {fault}')
    return int(text)


def read_number(request: Request, name: str) -> int | None:
    """Return the same, where Prometheus has a simpler word for what is none."""
    try:
        return read_integer(request, name)
    except BadParameterError as error:
        raise BadDataError(f"{name} must be a number") from error


def _integer_fault(text: str) -> str:
    """Return what Go says of a text that is no number of 64 bits, '' for one that is."""
    if not _INTEGER.fullmatch(text):
        return "invalid syntax"
    return "value out of range" if len(text) > 30 or abs(int(text)) > _LARGEST_INTEGER else ""
