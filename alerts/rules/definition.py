"""What a rule is made of, checked: the same for every door by which a rule comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerts.rules.condition import (
    compile_condition,
    compile_resolution,
    is_storable,
    read_condition,
)
from alerts.rules.errors import InvalidRuleError, Problem
from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import parse_alert_template
from observability.metrics.naming import (
    LABEL_NAME_PATTERN,
    MAX_LABEL_NAME_LENGTH,
    MAX_LABELS,
    label_value_fault,
    metric_name_fault,
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
        resolve_expr: PromQL of the resolve condition; '' for none.
    """

    expr: str
    form: dict[str, Any] | None
    resolve_expr: str = ""


def expression_of_form(form: Mapping[str, Any]) -> Expression:
    """Return the expression of a simple form.

    Raises:
        InvalidRuleError: The form has wrong fields.
    """
    condition = read_condition(form)
    expr = compile_condition(condition)
    _check("metric", expr)
    return Expression(expr, condition.as_form(), compile_resolution(condition))


def expression_of_promql(text: str, resolve_text: str = "") -> Expression:
    """Return the expression of a rule that is made in PromQL, and its resolve condition if any.

    Raises:
        InvalidRuleError: One is not PromQL, or nothing that a rule can be made of.
    """
    expr, resolve_expr = text.strip(), resolve_text.strip()
    if not expr:
        raise InvalidRuleError([Problem("expr", "write the expression that is to be watched")])
    _check("expr", expr)
    if resolve_expr:
        _check("resolve_expr", resolve_expr)
    return Expression(expr, None, resolve_expr)


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


def check_recorded_name(name: str) -> None:
    """Raise `InvalidRuleError` when a recording rule cannot write a metric of this name."""
    if fault := metric_name_fault(name):
        raise InvalidRuleError([Problem("name", fault)])


def check_labels(labels: Mapping[str, str], *, has_severity: bool = True) -> None:
    """Raise `InvalidRuleError` when these cannot be labels that a rule gives to its alerts.

    Args:
        labels: Names with templates.
        has_severity: Whether the rule has a severity, so that no label can say another.
    """
    own = _OWN_LABELS if has_severity else _OWN_LABELS.keys() - {"severity"}
    _raise(list(_label_problems(labels, {name: _OWN_LABELS[name] for name in own})))


def check_recorded_labels(labels: Mapping[str, str]) -> None:
    """Raise `InvalidRuleError` when these cannot be labels that a recording rule gives to its series."""
    taken = {"__name__": "is the rule's name"}
    _raise(list(_label_problems(labels, taken, are_templates=False)))


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Raise `InvalidRuleError` when these cannot be annotations: names with templates."""
    _raise(list(_annotation_problems(annotations)))


def _check(field: str, expr: str) -> None:
    if not is_storable(expr):
        raise InvalidRuleError([Problem(field, "contains a character that cannot be stored")])
    try:
        tree = parse(expr)
    except PromQLError as error:
        raise InvalidRuleError([Problem(field, str(error))]) from error
    if value_type(tree) not in (ValueType.VECTOR, ValueType.SCALAR):
        message = f"gives a {value_type(tree)}; a rule needs an instant vector or a scalar"
        raise InvalidRuleError([Problem(field, message)])


def _label_problems(
    labels: Mapping[str, str], taken: Mapping[str, str], *, are_templates: bool = True
) -> Iterator[Problem]:
    if len(labels) > MAX_LABELS:
        yield Problem("labels", f"expected at most {MAX_LABELS} labels, got {len(labels)}")
        return
    for name, value in labels.items():
        place = f"labels.{name}"
        if reason := taken.get(name):
            yield Problem(place, f"{name} {reason}")
        elif not LABEL_NAME_PATTERN.fullmatch(name):
            yield Problem(place, f"{name!r} is not a label name: letters, digits and _ only")
        elif len(name) > MAX_LABEL_NAME_LENGTH:
            yield Problem(place, f"a name has at most {MAX_LABEL_NAME_LENGTH} characters")
        elif (fault := label_value_fault(value)) or (
            are_templates and (fault := _template_fault(name, value))
        ):
            yield Problem(place, fault)


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
        elif fault := _template_fault(name, text):
            yield Problem(place, fault)


def _template_fault(name: str, text: str) -> str:
    """Return why a text is no template and on which line; '' when it is one."""
    if "{{" not in text:
        return ""
    try:
        parse_alert_template(text, name)
    except TemplateError as error:
        return f"line {str(error.__cause__).removeprefix(f'template: {name}:')}"
    return ""


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRuleError(problems)
