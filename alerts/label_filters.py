"""Alerts by their labels: matchers as people type them, and the rows that satisfy them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Func, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from alerts.models.alerts import AlertQuerySet
from observability.metrics.selectors import parse_selector
from observability.promql.labels import METRIC_NAME, quote
from observability.promql.matchers import Matcher

# `instance=web-1`: a value without anything that could mean something else needs no quotes.
_BARE = re.compile(r"""\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*([^\s"'`,{}=]+)\s*""")
_LITERALS = re.compile(r"[\w:/@ -]+(\|[\w:/@ -]+)*")


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of `instance=~"web.*", job="node"`, in braces or not; none for ''.

    Raises:
        PromQLError: It is no list of matchers, or a regular expression is wrong.
    """
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    inner = inner.strip(" ,")
    if not inner:
        return ()
    bare = [_BARE.fullmatch(part) for part in inner.split(",")]
    if all(bare):
        inner = ", ".join(f"{m[1]}{m[2]}{quote(m[3])}" for m in bare if m)
    # A selector needs a matcher that does not match everything.
    matchers = parse_selector(f"{{{METRIC_NAME}={quote('ALERTS')}, {inner}}}")[1:]
    for matcher in matchers:
        # A regular expression that is none is told at once.
        matcher.matches("")
    return matchers


def matcher_text(matchers: Iterable[Matcher]) -> str:
    """Return matchers as one types them."""
    return ", ".join(map(str, matchers))


def label_value(name: str) -> Coalesce:
    """Return the expression for the value of a label, '' where it is absent."""
    return Coalesce(KeyTextTransform(name, "labels"), Value(""), output_field=TextField())


def matching(alerts: AlertQuerySet, matchers: Iterable[Matcher]) -> AlertQuerySet:
    """Return the alerts whose labels satisfy every matcher.

    A regular expression is RE2, which the database does not have: the values that the label has
    are looked up first, so narrow the alerts by all else before.
    """
    for matcher in sorted(matchers, key=lambda matcher: matcher.op.is_regex):
        alerts = _matching_one(alerts, matcher)
    return alerts


def _matching_one(alerts: AlertQuerySet, matcher: Matcher) -> AlertQuerySet:
    if matcher.op.is_regex and not _LITERALS.fullmatch(matcher.value):
        return _matching_regex(alerts, matcher)
    values = matcher.value.split("|") if matcher.op.is_regex else [matcher.value]
    # The index on labels answers what they contain; an absent label is no part of them.
    wanted = Q(Exact(label_value(matcher.name), "")) if values == [""] else Q()
    for value in filter(None, values):
        wanted |= Q(labels__contains={matcher.name: value})
    return alerts.exclude(wanted) if matcher.op.is_negative else alerts.filter(wanted)


def _matching_regex(alerts: AlertQuerySet, matcher: Matcher) -> AlertQuerySet:
    value = label_value(matcher.name)
    found = alerts.order_by().annotate(label=value).values_list("label", flat=True).distinct()
    by_verdict: dict[bool, list[str]] = {True: [], False: []}
    for text in found:
        by_verdict[matcher.matches(text)].append(text)
    wanted, others = by_verdict[True], by_verdict[False]
    if not wanted:
        return alerts.none()
    if not others:
        return alerts
    if len(wanted) <= len(others):
        return alerts.filter(_is_any(value, wanted))
    return alerts.exclude(_is_any(value, others))


def _is_any(value: Coalesce, texts: list[str]) -> Func:
    """Return whether a value is one of these: one parameter, however many they are."""
    return Func(
        value,
        Value(texts, output_field=ArrayField(TextField())),
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
