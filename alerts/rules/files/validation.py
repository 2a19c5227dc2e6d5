"""What is wrong with the rules of a file, in promtool's words.

Source: Prometheus 3, model/rulefmt/rulefmt.go (`RuleGroups.Validate`, `Rule.Validate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerts.rules.files.definitions import FileRule, RuleFile
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
    yield from (("", problem) for problem in _label_problems(rule.labels))
    for name in rule.annotations:
        if not name:
            yield "", "invalid annotation name: "
    if rule.alert:
        for kind, texts in (("label", rule.labels), ("annotation", rule.annotations)):
            yield from (("", problem) for problem in _template_problems(rule, kind, texts))


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
    if "{" in rule.record or "}" in rule.record:
        yield ("braces present in the recording rule name; should it be in expr?: " + rule.record)


def _label_problems(labels: Mapping[str, str]) -> Iterator[str]:
    for name in labels:
        if not name or name == METRIC_NAME:
            yield f"invalid label name: {name}"
