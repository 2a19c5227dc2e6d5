"""Text to nodes that know their places.

The nodes are made of libyaml's events, one after the other, so that no text can exhaust the
stack. Plain texts mean what they mean to Prometheus: YAML 1.1, and `0o17`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import yaml

from alerts.strict_yaml.errors import Fault, YamlError

MAX_DEPTH = 100
"""Levels of a document; files of rules have seven."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_KEY = "<<"
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


class Tag(StrEnum):
    """What a node is, as messages name it."""

    NULL = "!!null"
    BOOL = "!!bool"
    INTEGER = "!!int"
    FLOAT = "!!float"
    TEXT = "!!str"
    SEQUENCE = "!!seq"
    MAPPING = "!!map"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A text, plain or in quotes; line and column count from 1."""

    text: str
    is_plain: bool
    line: int
    column: int

    @property
    def tag(self) -> Tag:
        """What the text means."""
        if not self.is_plain:
            return Tag.TEXT
        if self.text in _NULLS:
            return Tag.NULL
        if self.text in _TRUE or self.text in _FALSE:
            return Tag.BOOL
        if _INTEGER.fullmatch(self.text):
            return Tag.INTEGER
        return Tag.FLOAT if _FLOAT.fullmatch(self.text) else Tag.TEXT

    def boolean(self) -> bool:
        """Return the value of a node with the tag `BOOL`."""
        return self.text in _TRUE

    def integer(self) -> int:
        """Return the value of a node with the tag `INTEGER`."""
        text = self.text.replace("_", "")
        digits = text.lstrip("+-")
        if re.fullmatch(r"0[0-7]+", digits):
            return int(text, 8)
        return int(text, 0)

    def number(self) -> float:
        """Return the value of a node with the tag `FLOAT` or `INTEGER`."""
        if self.tag is Tag.INTEGER:
            return float(self.integer())
        text = self.text.replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode:
    """A list; line and column count from 1."""

    items: list[Node] = field(default_factory=list)
    line: int
    column: int

    tag = Tag.SEQUENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """Keys with their values as they are written, merge keys among them."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    line: int
    column: int

    tag = Tag.MAPPING

    def merged(self) -> tuple[list[Node], list[tuple[Node, Node]]]:
        """Return the values of merge keys (`<<`), and the other pairs."""
        merges = [value for key, value in self.pairs if _is_merge_key(key)]
        return merges, [pair for pair in self.pairs if not _is_merge_key(pair[0])]


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def read_document(text: str) -> Node | None:
    """Return the first document of a text, None when there is none.

    Raises:
        YamlError: The text is not YAML.
    """
    loader = _LOADER(text) if _is_readable(text) else None
    if loader is None:
        raise YamlError(Fault(_line_of_unreadable(text), "control characters are not allowed"))
    try:
        return _Composer(_events(loader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(Fault(line, error.problem or "not YAML")) from error
    except yaml.YAMLError as error:
        raise YamlError(Fault(1, str(error))) from error
    finally:
        loader.dispose()


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


class _Composer:
    """Puts events together; the stack of open lists and mappings is its own."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        root: list[Node] = []
        # For each open node, what takes the next one inside.
        takers: list[Callable[[Node], None]] = [root.append]
        for event in self._events:
            match event:
                case yaml.DocumentEndEvent():
                    break
                case yaml.CollectionEndEvent():
                    takers.pop()
                    continue
                case yaml.NodeEvent():
                    node = self._node(event)
                case _:
                    continue
            takers[-1](node)
            if isinstance(event, yaml.CollectionStartEvent):
                if len(takers) > MAX_DEPTH:
                    raise YamlError(Fault(node.line, f"nested more than {MAX_DEPTH} levels deep"))
                takers.append(_taker(node))
        return root[0] if root else None

    def _node(self, event: Any) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        node: Node
        match event:
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise YamlError(Fault(line, f"unknown anchor '{event.anchor}' referenced"))
                return self._anchors[event.anchor]
            case yaml.SequenceStartEvent():
                node = SequenceNode(line=line, column=column)
            case yaml.MappingStartEvent():
                node = MappingNode(line=line, column=column)
            case _:
                node = ScalarNode(
                    text=event.value, is_plain=event.implicit[0], line=line, column=column
                )
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node


def _taker(node: Node) -> Callable[[Node], None]:
    match node:
        case SequenceNode(items=items):
            return items.append
        case MappingNode(pairs=pairs):
            keys: list[Node] = []

            def take(inner: Node) -> None:
                if keys:
                    pairs.append((keys.pop(), inner))
                else:
                    keys.append(inner)

            return take
        case _:
            raise TypeError(f"{node} holds nothing")


def _is_merge_key(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.is_plain and key.text == _MERGE_KEY


_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def _is_readable(text: str) -> bool:
    return _UNREADABLE.search(text) is None


def _line_of_unreadable(text: str) -> int:
    found = _UNREADABLE.search(text)
    return text.count("\n", 0, found.start() if found else 0) + 1
