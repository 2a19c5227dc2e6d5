"""Relabeling: rules that change the labels of a target or of a sample, or drop it.

Source: Prometheus 3, "Configuration", relabel_config; model/relabel/relabel.go.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from observability.metrics.naming import LABEL_NAME_PATTERN
from observability.metrics.scraping.errors import RelabelError
from observability.promql.errors import InvalidRegexError
from observability.promql.expansion import expand
from observability.promql.matchers import compile_regex

# A name with `$1` or `${1}` in it. RE2, in which such a repetition within a repetition takes no longer.
_NAME_TEMPLATE = compile_regex(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+")
_MOST_RULES = 200


class Action(StrEnum):
    """What a rule does when its regular expression matches."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEP_EQUAL = "keepequal"
    DROP_EQUAL = "dropequal"
    HASHMOD = "hashmod"
    LABEL_MAP = "labelmap"
    LABEL_DROP = "labeldrop"
    LABEL_KEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


_NEED_TARGET = {
    Action.REPLACE,
    Action.HASHMOD,
    Action.LOWERCASE,
    Action.UPPERCASE,
    Action.KEEP_EQUAL,
    Action.DROP_EQUAL,
}
_EQUALS = {Action.KEEP_EQUAL, Action.DROP_EQUAL}
_BY_NAME = {Action.LABEL_DROP, Action.LABEL_KEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with Prometheus's names and defaults.

    Attributes:
        source_labels: Whose values, joined by `separator`, the regular expression must match.
        separator: Between them.
        regex: RE2; it must match all of the value.
        modulus: Of a hash.
        target_label: Which is set, or compared; may hold `$1`.
        replacement: What it is set to; may hold `$1`.
        action: What is done.
    """

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"
    action: Action = Action.REPLACE
    # Compiled once; rules are made of hundreds of thousands of label sets.
    _fullmatch: Callable[[str], re.Match[str] | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            matching: Callable[[str], re.Match[str] | None] = compile_regex(self.regex).fullmatch
        except InvalidRegexError as error:
            raise RelabelError(f"regex: {error}") from error
        object.__setattr__(self, "_fullmatch", matching)

    def apply(self, labels: dict[str, str]) -> bool:
        """Change the labels in place; return False when they are to be dropped."""
        match self.action:
            case Action.LABEL_MAP:
                for name, value in list(labels.items()):
                    if found := self._fullmatch(name):
                        _set(labels, expand(self.replacement, found), value)
                return True
            case Action.LABEL_DROP | Action.LABEL_KEEP:
                is_dropping = self.action is Action.LABEL_DROP
                for name in [n for n in labels if bool(self._fullmatch(n)) is is_dropping]:
                    del labels[name]
                return True
            case _:
                return self._apply_to_value(labels)

    def _apply_to_value(self, labels: dict[str, str]) -> bool:
        value = self.separator.join(labels.get(name, "") for name in self.source_labels)
        match self.action:
            case Action.KEEP:
                return self._fullmatch(value) is not None
            case Action.DROP:
                return self._fullmatch(value) is None
            case Action.KEEP_EQUAL:
                return value == labels.get(self.target_label, "")
            case Action.DROP_EQUAL:
                return value != labels.get(self.target_label, "")
            case Action.LOWERCASE:
                _set(labels, self.target_label, value.lower())
            case Action.UPPERCASE:
                _set(labels, self.target_label, value.upper())
            case Action.HASHMOD:
                _set(labels, self.target_label, str(_hash(value) % self.modulus))
            case _:
                self._replace(labels, value)
        return True

    def _replace(self, labels: dict[str, str], value: str) -> None:
        found = self._fullmatch(value)
        if found is None:
            return
        target = expand(self.target_label, found)
        # A name that is none changes nothing, as in Prometheus.
        if LABEL_NAME_PATTERN.fullmatch(target):
            _set(labels, target, expand(self.replacement, found))


def relabel(labels: Mapping[str, str], rules: Sequence[Rule]) -> dict[str, str] | None:
    """Return the labels that the rules make of these, one after the other; None when one drops them."""
    changed = dict(labels)
    for rule in rules:
        if not rule.apply(changed):
            return None
    return changed


def read_rules(given: Any) -> tuple[Rule, ...]:
    """Return the rules of a list in Prometheus's spelling.

    Raises:
        RelabelError: It names the first rule that is not one, and what is wrong with it.
    """
    if not isinstance(given, list):
        raise RelabelError("expected a list of rules")
    if len(given) > _MOST_RULES:
        raise RelabelError(f"at most {_MOST_RULES} rules; these are {len(given)}")
    rules = []
    for position, item in enumerate(given, start=1):
        try:
            rules.append(_read_rule(item))
        except RelabelError as error:
            raise RelabelError(error.fault, position=position) from error
    return tuple(rules)


def _read_rule(item: Any) -> Rule:
    if not isinstance(item, dict):
        raise RelabelError("expected names and values, such as action: drop")
    names = {"source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"}  # fmt: skip
    if unknown := sorted(str(name) for name in item if name not in names):
        raise RelabelError(f"{unknown[0]!r} is not part of a rule; {', '.join(sorted(names))} are")
    rule = Rule(
        source_labels=_source_labels(item.get("source_labels") or []),
        separator=_text(item, "separator", ";"),
        regex=_text(item, "regex", "(.*)"),
        modulus=_modulus(item.get("modulus", 0)),
        target_label=_text(item, "target_label", ""),
        replacement=_text(item, "replacement", "$1"),
        action=_action(item.get("action", Action.REPLACE)),
    )
    _check(rule, given=set(item))
    return rule


def _check(rule: Rule, *, given: set[str]) -> None:
    """Refuse combinations as Prometheus does."""
    action = rule.action
    if action is Action.HASHMOD and rule.modulus == 0:
        raise RelabelError("hashmod needs a modulus of 1 or more")
    if action in _NEED_TARGET and not rule.target_label:
        raise RelabelError(f"{action} needs a target_label")
    is_name = _NAME_TEMPLATE if action is Action.REPLACE else LABEL_NAME_PATTERN
    if rule.target_label and not is_name.fullmatch(rule.target_label):
        raise RelabelError(f"target_label: {rule.target_label[:100]!r} is not a label name")
    if action is Action.LABEL_MAP and not _NAME_TEMPLATE.fullmatch(rule.replacement):
        raise RelabelError(f"replacement: {rule.replacement[:100]!r} makes no label name")
    if action in _EQUALS and (extra := given - {"action", "source_labels", "target_label"}):
        raise RelabelError(f"{action} takes only source_labels and target_label, not {min(extra)}")
    if action in _BY_NAME and (extra := given - {"action", "regex"}):
        raise RelabelError(f"{action} takes only a regex, not {min(extra)}")


def _source_labels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RelabelError("source_labels: expected a list of label names")
    for name in value:
        if not LABEL_NAME_PATTERN.fullmatch(name):
            raise RelabelError(f"source_labels: {name[:100]!r} is not a label name")
    return tuple(value)


def _text(item: Mapping[str, Any], name: str, default: str) -> str:
    value = item.get(name, default)
    # YAML reads an unquoted 9100 as a number, and Prometheus as text.
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RelabelError(f"{name}: expected a text; got {str(value)[:100]!r}")
    return value


def _modulus(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise RelabelError(f"modulus: expected a whole number; got {str(value)[:100]!r}")
    return value


def _action(value: Any) -> Action:
    try:
        return Action(str(value).lower())
    except ValueError:
        allowed = ", ".join(Action)
        raise RelabelError(f"action: {str(value)[:100]!r} is none of {allowed}") from None


def _set(labels: dict[str, str], name: str, value: str) -> None:
    """Set a label; an empty value removes it."""
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _hash(value: str) -> int:
    """Return the second half of the MD5 sum, as Prometheus takes it; nothing here is secret."""
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big")
