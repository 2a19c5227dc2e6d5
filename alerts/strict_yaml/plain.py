"""Nodes to the plain values that JSON has."""

from __future__ import annotations

from typing import Any

from alerts.strict_yaml.decoding import Decoder
from alerts.strict_yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode, Tag


def plain_value(node: Node, decoder: Decoder) -> Any:
    """Return a node as texts, numbers, truth values, None, lists and mappings.

    Keys that are no texts are reported to the decoder; an alias counts each time it is used.
    """
    decoder.count(node)
    match node:
        case ScalarNode():
            return _scalar(node)
        case SequenceNode():
            return [plain_value(item, decoder) for item in node.items]
        case MappingNode():
            entries = decoder.entries(node, "map[string]interface {}")
            return {name: plain_value(value, decoder) for name, (_, value) in entries.items()}


def _scalar(node: ScalarNode) -> Any:
    match node.tag:
        case Tag.NULL:
            return None
        case Tag.BOOL:
            return node.boolean()
        case Tag.INTEGER:
            return node.integer()
        case Tag.FLOAT:
            return node.number()
        case _:
            return node.text
