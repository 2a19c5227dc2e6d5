"""Rule groups to the text of a rule file; `read_rules` gives the same groups back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.states import Otherwise
from alerts.strict_yaml.nodes import ScalarNode, Tag
from observability.promql.durations import format_duration

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _RuleDumper(_Dumper):  # type: ignore[misc] # libyaml's dumper where there is one
    """Writes texts of several lines as blocks, and never refers back to what stands before."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say that nothing is written as an alias."""
        return True


def _text(dumper: Any, text: str) -> Any:
    style = "|" if _is_block(text) else None if _reads_as_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_RuleDumper.add_representer(str, _text)


def write_rules(groups: Sequence[FileGroup]) -> str:
    """Return a rule file with these groups, in their order."""
    return _dump({"groups": [_group(group) for group in groups]})


def write_rule(rule: FileRule) -> str:
    """Return one rule as it stands in a file, for people who compare two of them."""
    return _dump(_rule(rule))


def write_settings(group: FileGroup) -> str:
    """Return what a group says besides its rules, as it stands in a file."""
    settings = _group(group)
    del settings["rules"]
    return _dump(settings)


def _dump(value: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_RuleDumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        # A fold in an expression or a template would be hard to read, and to search for.
        width=2**31 - 1,
    )
    return text


def _group(group: FileGroup) -> dict[str, Any]:
    query_offset_ms = group.query_offset_ms
    return {
        "name": group.name,
        **_given("interval", group.interval_ms and format_duration(group.interval_ms)),
        **({} if query_offset_ms is None else {"query_offset": format_duration(query_offset_ms)}),
        **_given("limit", group.limit),
        **_given("labels", dict(group.labels)),
        **_given("owner", group.owner),
        **({} if group.enabled else {"enabled": False}),
        "rules": [_rule(rule) for rule in group.rules],
    }


def _rule(rule: FileRule) -> dict[str, Any]:
    return {
        **({"record": rule.record} if rule.record else {"alert": rule.alert}),
        "expr": rule.expr,
        **_given("for", rule.hold_ms and format_duration(rule.hold_ms)),
        **_given("keep_firing_for", rule.keep_firing_ms and format_duration(rule.keep_firing_ms)),
        **_given("labels", dict(rule.labels)),
        **_given("annotations", dict(rule.annotations)),
        **_given("resolve_expr", rule.resolve_expr),
        **({} if rule.on_no_data is Otherwise.RESOLVE else {"on_no_data": str(rule.on_no_data)}),
        **({} if rule.on_error is Otherwise.KEEP else {"on_error": str(rule.on_error)}),
        **({} if rule.enabled else {"enabled": False}),
        **_given("simple", rule.form and dict(rule.form)),
    }


def _given(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


def _reads_as_text(text: str) -> bool:
    """Say whether a text without quotes is a text, and not a number, a truth value or nothing."""
    return ScalarNode(text=text, is_plain=True, line=1, column=1).tag is Tag.TEXT


def _is_block(text: str) -> bool:
    """Say whether a text of several lines reads back from a block as it is."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() and line == line.rstrip() for line in lines)
        and bool(lines[0])
        and not lines[0][0].isspace()
        and (len(lines) < 3 or bool(lines[-1]) or bool(lines[-2]))
    )
