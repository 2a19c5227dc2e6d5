"""Rule files to definitions. Source: Prometheus 3, model/rulefmt/rulefmt.go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.rules.files.definitions import FileGroup, FileRule, Place, RuleFile
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.validation import problems
from alerts.rules.states import Otherwise
from alerts.strict_yaml import Decoder, Fields, Node, YamlError, plain_value, read_document
from observability.promql.labels import quote

_PLACED = ("record", "alert", "expr", "resolve_expr", "simple")


def load_rule_file(path: Path, *, ignore_unknown_fields: bool = False) -> RuleFile:
    """Return the rules of a file that has nothing wrong.

    Raises:
        RuleFileError: It cannot be read or is wrong; each problem begins with the path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RuleFileError([f"open {path}: {(error.strerror or '').lower()}"]) from error
    except UnicodeDecodeError as error:
        raise RuleFileError([f"{path}: not in UTF-8"]) from error
    return checked_rules(text, str(path), ignore_unknown_fields=ignore_unknown_fields)


def checked_rules(text: str, name: str, *, ignore_unknown_fields: bool = False) -> RuleFile:
    """Return what the text of a rule file says when nothing is wrong with it.

    Raises:
        RuleFileError: Something is; each problem begins with the file's name, unless that is ''.
    """
    prefix = f"{name}: " if name else ""
    try:
        rule_file = read_rules(text, ignore_unknown_fields=ignore_unknown_fields)
    except YamlError as error:
        raise RuleFileError([f"{prefix}{error}"]) from error
    if found := problems(rule_file):
        raise RuleFileError([f"{prefix}{problem}" for problem in found])
    return rule_file


def read_rules(text: str, *, ignore_unknown_fields: bool = False) -> RuleFile:
    """Return what the text of a rule file says, right or wrong.

    Raises:
        YamlError: It is not YAML, or has fields that are unknown or of a wrong type.
    """
    decoder = Decoder(ignore_unknown_fields=ignore_unknown_fields)
    with decoder.fields(read_document(text), "rulefmt.RuleGroups") as fields:
        nodes = fields.items("groups", "rulefmt.RuleGroup")
        groups = [_group(node, decoder) for node in nodes]
    decoder.check()
    return RuleFile(groups)


def _group(node: Node, decoder: Decoder) -> FileGroup:
    with decoder.fields(node, "rulefmt.RuleGroup") as fields:
        return FileGroup(
            name=fields.text("name"),
            interval_ms=fields.duration_ms("interval") or None,
            query_offset_ms=fields.duration_ms("query_offset"),
            limit=fields.integer("limit"),
            labels=fields.texts_by_name("labels"),
            owner=fields.text("owner"),
            enabled=_is_enabled(fields),
            rules=[_rule(rule, decoder) for rule in fields.items("rules", "rulefmt.Rule")],
            place=_place(node),
        )


def _rule(node: Node, decoder: Decoder) -> FileRule:
    with decoder.fields(node, "rulefmt.Rule") as fields:
        places = {name: fields.node(name) for name in _PLACED}
        return FileRule(
            record=fields.text("record"),
            alert=fields.text("alert"),
            expr=fields.text("expr"),
            hold_ms=fields.duration_ms("for") or 0,
            keep_firing_ms=fields.duration_ms("keep_firing_for") or 0,
            labels=fields.texts_by_name("labels"),
            annotations=fields.texts_by_name("annotations"),
            resolve_expr=fields.text("resolve_expr"),
            on_no_data=fields.parsed("on_no_data", _otherwise) or Otherwise.RESOLVE,
            on_error=fields.parsed("on_error", _otherwise) or Otherwise.KEEP,
            enabled=_is_enabled(fields),
            form=_form(fields.node("simple"), decoder),
            place=_place(node),
            places={name: _place(found) for name, found in places.items() if found},
        )


def _is_enabled(fields: Fields) -> bool:
    return fields.node("enabled") is None or fields.boolean("enabled")


def _otherwise(text: str) -> Otherwise:
    try:
        return Otherwise(text)
    except ValueError:
        raise ValueError(f"expected keep, fire or resolve, got {quote(text[:100])}") from None


def _form(node: Node | None, decoder: Decoder) -> dict[str, Any] | None:
    if node is None:
        return None
    form = plain_value(node, decoder)
    if isinstance(form, dict):
        return form
    decoder.report(node, "expected a mapping with metric, operator and threshold")
    return None


def _place(node: Node) -> Place:
    return Place(node.line, node.column)
