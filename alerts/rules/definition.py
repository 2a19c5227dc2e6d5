"""What a rule is made of, checked: the same for every door by which a rule comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerts.rules.annotations import InvalidTemplateError, check_template
from alerts.rules.condition import compile_condition, is_storable, read_condition
from alerts.rules.errors import InvalidRuleError, Problem
from observability.metrics.naming import (
    LABEL_NAME_PATTERN,
    MAX_LABEL_NAME_LENGTH,
    MAX_LABELS,
    label_value_fault,
)
from observability.promql import PromQLError
from observability.promql.durations import parse_duration_ms
from observability.promql.parser import parse
from observability.promql.signatures import ValueType
from observability.promql.typecheck import value_type

MAX_ANNOTATIONS = 40
MAX_ANNOTATION_LENGTH = 10_000
_OWN_LABELS = {
    "__name__": "is the name of a metric, and alerts have none",
    "alertname": "is the rule's name",
    "severity": "has a field of its own",
}
_MAX_DURATION_MS = 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Expression:
    """The expression of a rule.

    Attributes:
        expr: PromQL.
        form: The simple form that it was compiled from; None when it was made in PromQL.
    """

    expr: str
    form: dict[str, Any] | None


def expression_of_form(form: Mapping[str, Any]) -> Expression:
    """Return the expression of a simple form.

    Raises:
        InvalidRuleError: The form has wrong fields.
    """
    condition = read_condition(form)
    expr = compile_condition(condition)
    _check("metric", expr)
    return Expression(expr, condition.as_form())


def expression_of_promql(text: str) -> Expression:
    """Return the expression of a rule that is made in PromQL.

    Raises:
        InvalidRuleError: It is not PromQL, or nothing that a rule can be made of.
    """
    expr = text.strip()
    if not expr:
        raise InvalidRuleError([Problem("expr", "write the expression that is to be watched")])
    if not is_storable(expr):
        raise InvalidRuleError([Problem("expr", "contains a character that cannot be stored")])
    _check("expr", expr)
    return Expression(expr, None)


def read_duration_ms(field: str, text: str) -> int:
    """Return a duration such as `5m` in milliseconds; no text is no time.

    Raises:
        InvalidRuleError: The text is not a duration, or longer than a year.
    """
    try:
        duration_ms = parse_duration_ms(text.strip() or "0")
    except ValueError as error:
        message = f"expected a duration such as 30s, 5m or 1h30m, got {text[:100]!r}"
        raise InvalidRuleError([Problem(field, message)]) from error
    if duration_ms > _MAX_DURATION_MS:
        raise InvalidRuleError([Problem(field, "expected no more than a year")])
    return duration_ms


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise `InvalidRuleError` when these cannot be labels that a rule gives to its alerts."""
    _raise(list(_label_problems(labels)))


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Raise `InvalidRuleError` when these cannot be annotations; see `alerts.rules.annotations`."""
    _raise(list(_annotation_problems(annotations)))


def _check(field: str, expr: str) -> None:
    try:
        tree = parse(expr)
    except PromQLError as error:
        raise InvalidRuleError([Problem(field, str(error))]) from error
    if value_type(tree) not in (ValueType.VECTOR, ValueType.SCALAR):
        message = f"gives a {value_type(tree)}; a rule needs an instant vector or a scalar"
        raise InvalidRuleError([Problem(field, message)])


def _label_problems(labels: Mapping[str, str]) -> Iterator[Problem]:
    if len(labels) > MAX_LABELS:
        yield Problem("labels", f"expected at most {MAX_LABELS} labels, got {len(labels)}")
        return
    for name, value in labels.items():
        place = f"labels.{name}"
        if reason := _OWN_LABELS.get(name):
            yield Problem(place, f"{name} {reason}")
        elif not LABEL_NAME_PATTERN.fullmatch(name):
            yield Problem(place, f"{name!r} is not a label name: letters, digits and _ only")
        elif len(name) > MAX_LABEL_NAME_LENGTH:
            yield Problem(place, f"a name has at most {MAX_LABEL_NAME_LENGTH} characters")
        elif fault := label_value_fault(value):
            yield Problem(place, fault)
        elif "{{" in value:
            yield Problem(place, "labels hold plain text; templates are for annotations")


def _annotation_problems(annotations: Mapping[str, str]) -> Iterator[Problem]:
    if len(annotations) > MAX_ANNOTATIONS:
        message = f"expected at most {MAX_ANNOTATIONS} annotations, got {len(annotations)}"
        yield Problem("annotations", message)
        return
    for name, text in annotations.items():
        place = f"annotations.{name}"
        if not LABEL_NAME_PATTERN.fullmatch(name):
            yield Problem(place, f"{name!r} is not an annotation name: letters, digits and _ only")
        elif len(name) > MAX_LABEL_NAME_LENGTH:
            yield Problem(place, f"a name has at most {MAX_LABEL_NAME_LENGTH} characters")
        elif len(text) > MAX_ANNOTATION_LENGTH:
            yield Problem(place, f"a text has at most {MAX_ANNOTATION_LENGTH:,} characters")
        elif not is_storable(text):
            yield Problem(place, "contains a character that cannot be stored")
        else:
            try:
                check_template(text)
            except InvalidTemplateError as error:
                yield Problem(place, str(error))


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRuleError(problems)
