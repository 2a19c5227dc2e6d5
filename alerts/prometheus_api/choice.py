"""Which rules a request to `/api/v1/rules` is about, and how many groups at once.

Source: Prometheus 3, web/api/v1/api.go (`rules`, `parseExcludeAlerts`,
`parseListRulesPaginationRequest`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rest_framework.request import Request

from observability.metrics.prometheus_api.choice import read_selectors, texts
from observability.metrics.prometheus_api.view import BadParameterError
from observability.metrics.store.listing import Selectors
from observability.promql.labels import label_set
from observability.promql.matchers import matches_all

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_LARGEST_LIMIT = 2**31 - 1
_TRUTHS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of all rules an answer holds.

    Attributes:
        kinds: `alerting`, `recording` or both.
        rule_names: Names of rules; empty for all.
        group_names: Names of groups; empty for all.
        files: Their files as clients see them; empty for all.
        selectors: Of which one must select the rule's labels; empty for all rules.
        has_alerts: Whether alerting rules list their alerts.
        group_limit: How many groups at most; None for all.
        next_token: The group that comes first, '' for the first there is; see `group_token`.
    """

    kinds: frozenset[str]
    rule_names: frozenset[str]
    group_names: frozenset[str]
    files: frozenset[str]
    selectors: Selectors
    has_alerts: bool
    group_limit: int | None
    next_token: str

    def takes_labels(self, labels: Mapping[str, str]) -> bool:
        """Say whether a rule with these labels, templates as they are written, is in the answer."""
        if not self.selectors:
            return True
        own = label_set(labels)
        return any(matches_all(matchers, own) for matchers in self.selectors)


def read_choice(request: Request) -> Choice:
    """Return what a request asks for.

    Raises:
        BadParameterError: A parameter cannot be understood.
        BadDataError: One of `match[]` is no selector.
    """
    selectors = read_selectors(request)
    kinds = _kinds(request)
    has_alerts = not _excludes_alerts(request)
    limit, token = _page(request)
    return Choice(
        kinds=kinds,
        rule_names=frozenset(texts(request, "rule_name[]")),
        group_names=frozenset(texts(request, "rule_group[]")),
        files=frozenset(texts(request, "file[]")),
        selectors=selectors,
        has_alerts=has_alerts,
        group_limit=limit,
        next_token=token,
    )


def _kinds(request: Request) -> frozenset[str]:
    match _first(request, "type").lower():
        case "":
            return frozenset({"alerting", "recording"})
        case "alert":
            return frozenset({"alerting"})
        case "record":
            return frozenset({"recording"})
        case other:
            raise BadParameterError("type", f"not supported value {_quoted(other)}")


def _excludes_alerts(request: Request) -> bool:
    text = _first(request, "exclude_alerts").lower()
    if not text:
        return False
    if text not in _TRUTHS:
        fault = f"strconv.ParseBool: parsing {_quoted(text)}: invalid syntax"
        raise BadParameterError("exclude_alerts", f"error converting exclude_alerts: {fault}")
    return _TRUTHS[text]


def _page(request: Request) -> tuple[int | None, str]:
    limit, token = _first(request, "group_limit"), _first(request, "group_next_token")
    if not limit:
        if token:
            message = "group_limit needs to be present in order to paginate over the groups"
            raise BadParameterError("group_next_token", message)
        return None, ""
    if fault := _limit_fault(limit):
        raise BadParameterError("group_limit", fault)
    return int(limit), token


def _limit_fault(text: str) -> str:
    fault = ""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        fault = "invalid syntax"
    elif not _INTEGER.fullmatch(text) or not -_LARGEST_LIMIT - 1 <= int(text) <= _LARGEST_LIMIT:
        fault = "value out of range"
    if fault:
        parsing = f"strconv.ParseInt: parsing {_quoted(text)}: {fault}"
        return f"group_limit needs to be a valid number: {parsing}"
    return "" if int(text) > 0 else "group_limit needs to be greater than 0"


def _first(request: Request, name: str) -> str:
    return next(iter(request.query_params.getlist(name)), "")


def _quoted(text: str) -> str:
    return '"{}"'.format(text[:100].replace("\\", r"\\").replace('"', r"\""))
