"""Rule files to definitions. Source: Prometheus 3, model/rulefmt/rulefmt.go."""

from __future__ import annotations

from pathlib import Path

from alerts.rules.files.definitions import FileGroup, FileRule, Place, RuleFile
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.validation import problems
from alerts.strict_yaml import Decoder, Node, YamlError, read_document


def load_rule_file(path: Path, *, ignore_unknown_fields: bool = False) -> RuleFile:
    """Return the rules of a file that has nothing wrong.

    Raises:
        RuleFileError: It cannot be read or is wrong; each problem begins with the path.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rule_file = read_rules(text, ignore_unknown_fields=ignore_unknown_fields)
        found = problems(rule_file)
    except OSError as error:
        raise RuleFileError([f"open {path}: {(error.strerror or '').lower()}"]) from error
    except UnicodeDecodeError as error:
        raise RuleFileError([f"{path}: not in UTF-8"]) from error
    except YamlError as error:
        raise RuleFileError([f"{path}: {error}"]) from error
    if found:
        raise RuleFileError([f"{path}: {problem}" for problem in found])
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
            rules=[_rule(rule, decoder) for rule in fields.items("rules", "rulefmt.Rule")],
            place=_place(node),
        )


def _rule(node: Node, decoder: Decoder) -> FileRule:
    with decoder.fields(node, "rulefmt.Rule") as fields:
        places = {name: fields.node(name) for name in ("record", "alert", "expr")}
        return FileRule(
            record=fields.text("record"),
            alert=fields.text("alert"),
            expr=fields.text("expr"),
            hold_ms=fields.duration_ms("for") or 0,
            keep_firing_ms=fields.duration_ms("keep_firing_for") or 0,
            labels=fields.texts_by_name("labels"),
            annotations=fields.texts_by_name("annotations"),
            place=_place(node),
            places={name: _place(found) for name, found in places.items() if found},
        )


def _place(node: Node) -> Place:
    return Place(node.line, node.column)
