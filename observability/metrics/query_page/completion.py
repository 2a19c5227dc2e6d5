"""What may stand where one types: metrics, label names, label values; never more than are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Q, Value, When

from observability.metrics.backend import get_backend
from observability.metrics.models import Metric
from observability.metrics.selectors import parse_selector
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher

MAX_SUGGESTIONS = 100
_LONGEST_TYPED = 100
_NOT_IN_NAMES = re.compile(r"[^\w:.]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that may stand there; of a metric its type and help, too."""

    text: str
    type: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What may stand there; when they are not all, typing more finds others."""

    found: Sequence[Suggestion]
    are_all: bool


def suggest_metrics(typed: str) -> Suggestions:
    """Return metrics whose names have the typed characters in this order, those that begin so first."""
    wanted = _NOT_IN_NAMES.sub("", typed)[:_LONGEST_TYPED]
    metrics = Metric.objects.filter(series_count__gt=0)
    if wanted:
        metrics = metrics.filter(name__iregex=".*".join(map(re.escape, wanted))).order_by(
            Case(
                When(Q(name__istartswith=wanted), then=Value(0)),
                When(Q(name__icontains=wanted), then=Value(1)),
                default=Value(2),
                output_field=IntegerField(),
            ),
            "name",
        )
    else:
        metrics = metrics.order_by("name")
    rows = metrics.values_list("name", "type", "help")[: MAX_SUGGESTIONS + 1]
    return _bounded([Suggestion(*row) for row in rows])


def suggest_label_names(selector: str, typed: str) -> Suggestions:
    """Return label names of the series that a selector selects, or of all when it is ''.

    Raises:
        PromQLError: It is no selector.
    """
    names = get_backend().label_names(_selectors(selector))
    return _bounded(Suggestion(name) for name in names if name != METRIC_NAME and _has(name, typed))


def suggest_label_values(name: str, selector: str, typed: str) -> Suggestions:
    """Return values of a label that series of a selector have, or any series when it is ''.

    Raises:
        PromQLError: It is no selector.
    """
    if name == METRIC_NAME:
        return suggest_metrics(typed)
    values = get_backend().label_values(name, _selectors(selector))
    return _bounded(Suggestion(value) for value in values if _has(value, typed))


def _selectors(selector: str) -> Sequence[Sequence[Matcher]]:
    return [parse_selector(selector)] if selector else ()


def _has(text: str, typed: str) -> bool:
    """Whether a text has the typed characters in this order, whatever their case."""
    characters = iter(text.casefold())
    return all(wanted in characters for wanted in typed.casefold())


def _bounded(suggestions: Iterable[Suggestion]) -> Suggestions:
    found: list[Suggestion] = []
    for suggestion in suggestions:
        if len(found) == MAX_SUGGESTIONS:
            return Suggestions(found, are_all=False)
        found.append(suggestion)
    return Suggestions(found, are_all=True)
