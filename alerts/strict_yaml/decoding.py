"""Nodes to values of known types, with the messages of Go's YAML.

Faults are collected, so that a file is read to its end and all of them are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from alerts.strict_yaml.errors import DecodingError, Fault, YamlError
from alerts.strict_yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode, Tag
from observability.promql.durations import parse_duration_ms

MAX_VALUES = 1_000_000
"""Values of a document, aliases counted each time: a few hundred bytes can mean billions."""

_LONGEST_SHOWN = 10
_T = TypeVar("_T")


class Decoder:
    """Takes one document apart."""

    def __init__(self, *, ignore_unknown_fields: bool = False) -> None:
        self._ignore_unknown_fields = ignore_unknown_fields
        self._faults: list[Fault] = []
        self._values = 0

    def check(self) -> None:
        """Raise `DecodingError` when anything was wrong."""
        if self._faults:
            raise DecodingError(sorted(self._faults))

    def report(self, node: Node, message: str) -> None:
        """Note what is wrong with a node."""
        self._faults.append(Fault(node.line, message))

    @contextmanager
    def fields(self, node: Node | None, type_name: str) -> Iterator[Fields]:
        """Give the fields of a mapping; those that nobody has asked for are unknown.

        Args:
            node: Where the mapping should be; None or null has no fields.
            type_name: What the mapping describes, as messages name it.
        """
        fields = Fields(self, self.entries(node, type_name), node)
        yield fields
        if not self._ignore_unknown_fields:
            for key in fields.unknown():
                self.report(key, f"field {key.text} not found in type {type_name}")

    def entries(self, node: Node | None, type_name: str) -> dict[str, tuple[ScalarNode, Node]]:
        """Return key and value of each entry of a mapping by name, merged ones included."""
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        if node is None or node.tag is Tag.NULL:
            return entries
        if not isinstance(node, MappingNode):
            self.report(node, f"cannot unmarshal {_shown(node)} into {type_name}")
            return entries
        merges, pairs = node.merged()
        for key, value in pairs:
            self.count(value)
            if not isinstance(key, ScalarNode):
                self.report(key, f"cannot unmarshal {_shown(key)} into string")
            elif key.text in entries:
                before = entries[key.text][0].line
                self.report(key, f'mapping key "{key.text}" already defined at line {before}')
            else:
                entries[key.text] = key, value
        self._merge(entries, merges, seen={id(node)})
        return entries

    def _merge(
        self, entries: dict[str, tuple[ScalarNode, Node]], merges: list[Node], seen: set[int]
    ) -> None:
        """Add what merge keys bring, the first of them foremost, and each mapping once."""
        for merge in merges:
            for mapping in merge.items if isinstance(merge, SequenceNode) else [merge]:
                if not isinstance(mapping, MappingNode):
                    self.report(mapping, "map merge requires map or sequence of maps as the value")
                    continue
                if id(mapping) in seen:
                    continue
                seen.add(id(mapping))
                further, pairs = mapping.merged()
                for key, value in pairs:
                    self.count(value)
                    if isinstance(key, ScalarNode):
                        entries.setdefault(key.text, (key, value))
                self._merge(entries, further, seen)

    def text(self, node: Node) -> str:
        """Return the text of a scalar; null is none."""
        if isinstance(node, ScalarNode):
            return "" if node.tag is Tag.NULL else node.text
        self.report(node, f"cannot unmarshal {_shown(node)} into string")
        return ""

    def items(self, node: Node, type_name: str) -> list[Node]:
        """Return the items of a list; null is an empty one."""
        if isinstance(node, SequenceNode):
            for item in node.items:
                self.count(item)
            return node.items
        if node.tag is not Tag.NULL:
            self.report(node, f"cannot unmarshal {_shown(node)} into []{type_name}")
        return []

    def count(self, node: Node) -> None:
        """Count one value, and raise `YamlError` when there are too many."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise YamlError(Fault(node.line, f"document of more than {MAX_VALUES:,} values"))


class Fields:
    """The fields of one mapping, each taken by its name; an absent one gives its default."""

    def __init__(
        self, decoder: Decoder, entries: dict[str, tuple[ScalarNode, Node]], node: Node | None
    ) -> None:
        self._decoder = decoder
        self._entries = entries
        self._asked: set[str] = set()
        self.line = node.line if node else 1
        self.column = node.column if node else 1

    def unknown(self) -> list[ScalarNode]:
        """Return the keys that nobody has asked for."""
        return [key for name, (key, _) in self._entries.items() if name not in self._asked]

    def node(self, name: str) -> Node | None:
        """Return what a field holds, None where it is absent or null."""
        self._asked.add(name)
        _, node = self._entries.get(name, (None, None))
        return None if node is None or node.tag is Tag.NULL else node

    def text(self, name: str) -> str:
        """Return a text, '' by default; any scalar is one."""
        node = self.node(name)
        return "" if node is None else self._decoder.text(node)

    def duration_ms(self, name: str) -> int | None:
        """Return a duration such as `1h30m` in milliseconds, None by default."""
        return self.parsed(name, parse_duration_ms)

    def parsed(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        """Return what `parse` makes of a text, None by default; its `ValueError` is a fault."""
        node = self.node(name)
        if node is None:
            return None
        try:
            return parse(self._decoder.text(node))
        except ValueError as error:
            self._decoder.report(node, str(error))
            return None

    def integer(self, name: str) -> int:
        """Return a whole number, 0 by default."""
        return self._scalar(name, "int", {Tag.INTEGER}, ScalarNode.integer) or 0

    def number(self, name: str) -> float:
        """Return a number, 0 by default."""
        tags = {Tag.INTEGER, Tag.FLOAT}
        return self._scalar(name, "float64", tags, ScalarNode.number) or 0.0

    def boolean(self, name: str) -> bool:
        """Return a truth value, False by default."""
        return self._scalar(name, "bool", {Tag.BOOL}, ScalarNode.boolean) or False

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return [self._decoder.text(node) for node in self.items(name, "string")]

    def texts_by_name(self, name: str) -> dict[str, str]:
        """Return a mapping of texts."""
        entries = self._decoder.entries(self.node(name), "map[string]string")
        return {key: self._decoder.text(value) for key, (_, value) in entries.items()}

    def items(self, name: str, type_name: str) -> list[Node]:
        """Return the nodes of a list."""
        node = self.node(name)
        return [] if node is None else self._decoder.items(node, type_name)

    def _scalar(
        self, name: str, type_name: str, tags: set[Tag], value: Callable[[ScalarNode], _T]
    ) -> _T | None:
        node = self.node(name)
        if node is None:
            return None
        if isinstance(node, ScalarNode) and node.tag in tags:
            return value(node)
        self._decoder.report(node, f"cannot unmarshal {_shown(node)} into {type_name}")
        return None


def _shown(node: Node) -> str:
    """Return a node as messages show it: its tag, and the beginning of its text."""
    if not isinstance(node, ScalarNode):
        return node.tag
    text = node.text
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[: _LONGEST_SHOWN - 3]}..."
    return f"{node.tag} `{text}`"
