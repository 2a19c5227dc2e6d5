"""The rules of a test file in the order of their evaluation, and what reads what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.rules.range_queries import is_local, reads
from alerts.rules.rule_evaluation import (
    ALERTS,
    ALERTS_FOR_STATE,
    AlertingRule,
    RecordingRule,
    Rule,
)
from alerts.rules.states import Otherwise
from alerts.rules.unit_tests.groups import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Rules with their groups; a rule's place is the one among `rules`.

    Attributes:
        rules: In the order of their evaluation.
        readers: By place, the places of the rules that may read what a rule writes.
        askable_ahead: Places of the rules that can be asked for many evaluations at once.
    """

    rules: Sequence[tuple[Group, Rule]]
    readers: Mapping[int, Sequence[int]]
    askable_ahead: frozenset[int]


def make_rule_set(groups: Sequence[Group]) -> RuleSet:
    """Return the rules of groups that are evaluated one after the other."""
    rules = [(group, rule) for group in groups for rule in group.rules]
    readers = {
        place: [reader for reader, (_, other) in enumerate(rules) if reads(other.expr, written)]
        for place, written in enumerate(_written(rule) for _, rule in rules)
    }
    return RuleSet(rules=rules, readers=readers, askable_ahead=_askable_ahead(rules, readers))


def without_annotations(rule: Rule) -> Rule:
    """Return a rule that raises the same alerts, with nothing to say about them."""
    if isinstance(rule, RecordingRule):
        return rule
    return replace(rule, terms=replace(rule.terms, annotations={}))


def _askable_ahead(
    rules: Sequence[tuple[Group, Rule]], readers: Mapping[int, Sequence[int]]
) -> frozenset[int]:
    places = {place for place, (_, rule) in enumerate(rules) if _is_local(rule)}
    for written, (group, _) in enumerate(rules):
        for reader in readers[written]:
            # It would see what is written only after its own evaluation.
            if reader <= written or rules[reader][0].query_offset_ms < group.query_offset_ms:
                places.discard(reader)
    for written in range(len(rules)):
        if written not in places:
            places.difference_update(readers[written])
    return frozenset(places)


def _is_local(rule: Rule) -> bool:
    # Queries of templates see what is there at the evaluation.
    asks = not isinstance(rule, RecordingRule) and any(
        "query" in text for text in rule.terms.labels.values()
    )
    return is_local(rule.expr) and not asks and not _has_doubts(rule)


def _has_doubts(rule: Rule) -> bool:
    """Say whether a rule asks more than its expression when an alert gets no result."""
    return isinstance(rule, AlertingRule) and (
        rule.resolve_expr is not None or rule.terms.on_no_data is not Otherwise.RESOLVE
    )


def _written(rule: Rule) -> tuple[str, ...]:
    return (rule.name,) if isinstance(rule, RecordingRule) else (ALERTS, ALERTS_FOR_STATE)
