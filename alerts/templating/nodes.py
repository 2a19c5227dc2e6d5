"""The tree of a template; each node prints as Go shows it in an error.

Positions are offsets into the text of the tree that the node belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.templating.literals import Number, quote


@dataclass(frozen=True, slots=True)
class Identifier:
    """The name of a function."""

    position: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, and the fields behind it: `$x.a.b` has the names `$x`, `a` and `b`."""

    position: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Field:
    """Fields of the cursor: `.a.b`."""

    position: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of the value of a term: `(query "up").a.b`."""

    position: int
    term: Operand
    names: tuple[str, ...]

    def __str__(self) -> str:
        return _in_parens(self.term) + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Dot:
    """The cursor."""

    position: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    """The constant without a type."""

    position: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class BoolConstant:
    """`true` or `false`."""

    position: int
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class NumberConstant:
    """A number or a character, with the text it was written as."""

    position: int
    text: str
    number: Number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class StringConstant:
    """A text, with the literal it was written as."""

    position: int
    literal: str
    value: str

    def __str__(self) -> str:
        return self.literal


@dataclass(frozen=True, slots=True)
class Command:
    """An operand, or a function or method with its arguments."""

    position: int
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join(map(_in_parens, self.operands))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each with the value of the one before as its last argument.

    Attributes:
        variables: Those that get the value.
        is_assignment: The variables exist already.
    """

    position: int
    commands: tuple[Command, ...]
    variables: tuple[Variable, ...] = ()
    is_assignment: bool = False

    def __str__(self) -> str:
        text = " | ".join(map(str, self.commands))
        return f"{', '.join(map(str, self.variables))} := {text}" if self.variables else text


Operand = (
    Identifier
    | Variable
    | Field
    | Chain
    | Dot
    | Nil
    | BoolConstant
    | NumberConstant
    | StringConstant
    | Pipeline
)


@dataclass(frozen=True, slots=True)
class Text:
    """What is printed as it stands."""

    position: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is printed, unless it goes into a variable."""

    position: int
    pipeline: Pipeline

    def __str__(self) -> str:
        return f"{{{{{self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class If:
    """One of two lists, by the truth of a value."""

    position: int
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] | None

    def __str__(self) -> str:
        return f"{{{{if {self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class With:
    """A list with a value as its cursor, or another one when the value is empty."""

    position: int
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] | None

    def __str__(self) -> str:
        return f"{{{{with {self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class Range:
    """A list for each element of a value, or another one when there are none."""

    position: int
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] | None

    def __str__(self) -> str:
        return f"{{{{range {self.pipeline}}}}}"


@dataclass(frozen=True, slots=True)
class Break:
    """The end of the innermost range."""

    position: int

    def __str__(self) -> str:
        return "{{break}}"


@dataclass(frozen=True, slots=True)
class Continue:
    """The end of this turn of the innermost range."""

    position: int

    def __str__(self) -> str:
        return "{{continue}}"


@dataclass(frozen=True, slots=True)
class Include:
    """Another template by its name (`{{template "x" .}}`)."""

    position: int
    name: str
    pipeline: Pipeline | None

    def __str__(self) -> str:
        argument = "" if self.pipeline is None else f" {self.pipeline}"
        return f"{{{{template {quote(self.name)}{argument}}}}}"


Node = Text | Action | If | With | Range | Break | Continue | Include


@dataclass(frozen=True, slots=True)
class Tree:
    """One template: a whole text, or one that it defines.

    Attributes:
        source: The name of the text, for errors.
        text: The whole text, for the line and column of errors.
    """

    name: str
    source: str
    text: str
    body: tuple[Node, ...]

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing but spaces, so that a definition of the same name replaces it."""
        return all(isinstance(node, Text) and not node.text.strip() for node in self.body)


def _in_parens(operand: Operand) -> str:
    return f"({operand})" if isinstance(operand, Pipeline) else str(operand)
