"""What is wrong with the rules of a file, in promtool's words, the portal's own keys included.

Source: Prometheus 3, model/rulefmt/rulefmt.go (`RuleGroups.Validate`, `Rule.Validate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerts.rules.condition import compile_condition, compile_resolution, read_condition
from alerts.rules.errors import InvalidRuleError
from alerts.rules.files.definitions import FileRule, RuleFile
from alerts.rules.states import Otherwise
from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import parse_alert_template
from observability.promql.errors import PromQLError
from observability.promql.labels import METRIC_NAME, quote
from observability.promql.parser import parse


def problems(rule_file: RuleFile) -> list[str]:
    """Return everything that is wrong with a file, each with its place; empty when all is well."""
    return list(_problems(rule_file))


def _problems(rule_file: RuleFile) -> Iterator[str]:
    names = set()
    for group in rule_file.groups:
        if not group.name:
            yield f"{group.place}: Groupname must not be empty"
        if group.name in names:
            yield f'{group.place}: groupname: "{group.name}" is repeated in the same file'
        names.add(group.name)
        for problem in _label_problems(group.labels):
            yield f"{group.place}: {problem}"
        for number, rule in enumerate(group.rules, 1):
            where = f"group {quote(group.name)}, rule {number}, {quote(rule.name)}"
            for field, problem in _rule_problems(rule):
                yield f"{rule.places.get(field, rule.place)}: {where}: {problem}"


def _rule_problems(rule: FileRule) -> Iterator[tuple[str, str]]:
    """Yield the field that is wrong, '' for the rule as a whole, and what is wrong with it."""
    if rule.record and rule.alert:
        yield "record", "only one of 'record' and 'alert' must be set"
    if not rule.record and not rule.alert:
        yield "", "one of 'record' or 'alert' must be set"
    if not rule.expr:
        yield "expr", "field 'expr' must be set in rule"
    else:
        try:
            parse(rule.expr)
        except PromQLError as error:
            yield "expr", f"could not parse expression: {error}"
    if rule.record:
        yield from (("record", problem) for problem in _recording_problems(rule))
    yield from _own_problems(rule)
    yield from (("", problem) for problem in _label_problems(rule.labels))
    for name in rule.annotations:
        if not name:
            yield "", "invalid annotation name: "
    if rule.alert:
        for kind, texts in (("label", rule.labels), ("annotation", rule.annotations)):
            yield from (("", problem) for problem in _template_problems(rule, kind, texts))


def _own_problems(rule: FileRule) -> Iterator[tuple[str, str]]:
    if rule.resolve_expr:
        try:
            parse(rule.resolve_expr)
        except PromQLError as error:
            yield "resolve_expr", f"could not parse resolve expression: {error}"
    if rule.form is not None:
        try:
            condition = read_condition(rule.form)
        except InvalidRuleError as error:
            yield from (
                ("simple", f"invalid field 'simple': {one.field}: {one.message}")
                for one in error.problems
            )
        else:
            for name, given, compiled in (
                ("expr", rule.expr, compile_condition(condition)),
                ("resolve_expr", rule.resolve_expr, compile_resolution(condition)),
            ):
                if not _is_same(given, compiled):
                    yield (
                        "simple",
                        f"'simple' says {compiled or 'nothing'} where '{name}' says "
                        f"{given.strip() or 'nothing'}; keep one of them",
                    )


def _is_same(given: str, compiled: str) -> bool:
    if not given or not compiled:
        return given == compiled
    try:
        return parse(given) == parse(compiled)
    except PromQLError:
        # Said of the expression itself.
        return True


def _template_problems(rule: FileRule, kind: str, texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        try:
            parse_alert_template(text, f"__alert_{rule.alert}")
        except TemplateError as error:
            yield f"{kind} {quote(name)}: {error}"


def _recording_problems(rule: FileRule) -> Iterator[str]:
    if rule.annotations:
        yield "invalid field 'annotations' in recording rule"
    if rule.hold_ms:
        yield "invalid field 'for' in recording rule"
    if rule.keep_firing_ms:
        yield "invalid field 'keep_firing_for' in recording rule"
    for name, is_given in (
        ("resolve_expr", rule.resolve_expr),
        ("simple", rule.form is not None),
        ("on_no_data", rule.on_no_data is not Otherwise.RESOLVE),
        ("on_error", rule.on_error is not Otherwise.KEEP),
    ):
        if is_given:
            yield f"invalid field '{name}' in recording rule"
    if "{" in rule.record or "}" in rule.record:
        yield ("braces present in the recording rule name; should it be in expr?: " + rule.record)


def _label_problems(labels: Mapping[str, str]) -> Iterator[str]:
    for name in labels:
        if not name or name == METRIC_NAME:
            yield f"invalid label name: {name}"
