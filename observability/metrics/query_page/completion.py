"""What may stand where one types: metrics, label names, label values; never more than are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Case, IntegerField, Q, Value, When

from observability.metrics.backend import get_backend
from observability.metrics.models import Metric
from observability.metrics.selectors import parse_selector
from observability.metrics.store.label_values import label_pairs
from observability.metrics.store.selection import find_series
from observability.metrics.store.series_table import SeriesTable, find_table
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp

MAX_SUGGESTIONS = 100
# Of a metric whose series are not kept in memory, and of selectors without a name.
_SERIES_LOOKED_AT = 2_000
_NOT_IN_NAMES = re.compile(r"[^\w:.]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that may stand there.

    Attributes:
        text: What would be inserted.
        detail: A metric's type, or how many series have a label's value.
        help: What it is.
    """

    text: str
    detail: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What may stand there; when they are not all, typing more finds others."""

    found: Sequence[Suggestion]
    are_all: bool


def suggest_metrics(typed: str) -> Suggestions:
    """Return metrics whose names have the typed characters in this order, those that begin so first."""
    wanted = _NOT_IN_NAMES.sub("", typed)
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
    """Return label names of the series that a selector selects, or of all when it is ''."""
    matchers = parse_selector(selector) if selector else ()
    if (table := _table(matchers)) is not None:
        chosen = table.satisfying(matchers)
        counts = {
            name: len(np.flatnonzero(column.counts(chosen)[1:]))
            for name, column in table.columns.items()
        }
        found = [
            Suggestion(name, f"{count:,} value{'s' if count > 1 else ''}")
            for name, count in counts.items()
            if count
        ]
        return _bounded([each for each in found if _has(each.text, typed)])
    names = _labels_of_some(matchers) if matchers else get_backend().label_names()
    return _bounded(
        [Suggestion(name) for name in names if name != METRIC_NAME and _has(name, typed)]
    )


def suggest_label_values(name: str, selector: str, typed: str) -> Suggestions:
    """Return values of a label that series of a selector have, or any series when it is ''."""
    if name == METRIC_NAME:
        return suggest_metrics(typed)
    matchers = parse_selector(selector) if selector else ()
    if (table := _table(matchers)) is not None:
        column = table.columns.get(name)
        if column is None:
            return Suggestions([], are_all=True)
        counts = column.counts(table.satisfying(matchers))
        present = (np.flatnonzero(counts[1:]) + 1).tolist()
        return _bounded(
            Suggestion(value, f"{counts[place]:,} series")
            for place in present
            if _has(value := column.values.values[place], typed)
        )
    values = _values_of_some(name, matchers) if matchers else label_pairs(name).values.values
    return _bounded(Suggestion(value) for value in values if _has(value, typed))


def _table(matchers: Sequence[Matcher]) -> SeriesTable | None:
    """Return the metric's series when the matchers name one metric whose series are in memory."""
    for matcher in matchers:
        if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
            return find_table(matcher.value)
    return None


def _labels_of_some(matchers: Sequence[Matcher]) -> list[str]:
    found = find_series(matchers, limit=_SERIES_LOOKED_AT)
    return sorted({name for series in found for name, _ in series.labels})


def _values_of_some(name: str, matchers: Sequence[Matcher]) -> list[str]:
    found = find_series(matchers, limit=_SERIES_LOOKED_AT)
    return sorted({v for series in found for label, v in series.labels if label == name})


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
