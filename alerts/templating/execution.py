"""The execution of a tree with data: text out, or the first error with its place.

Source: Go, text/template/exec.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import cast

from alerts.templating.errors import ExecutionError, FunctionError, LimitError
from alerts.templating.formatting import printed, sprint
from alerts.templating.functions import SHORT_CIRCUIT
from alerts.templating.kinds import ANY, Kind, Struct, Type, Typed, kind_of, type_of, zero
from alerts.templating.limits import Budget
from alerts.templating.literals import quote
from alerts.templating.nodes import (
    Action,
    BoolConstant,
    Break,
    Chain,
    Command,
    Continue,
    Dot,
    Field,
    Identifier,
    If,
    Include,
    Nil,
    Node,
    NumberConstant,
    Operand,
    Pipeline,
    Range,
    StringConstant,
    Text,
    Tree,
    Variable,
    With,
)
from alerts.templating.octets import to_octets
from alerts.templating.signatures import Function
from alerts.templating.values import assignable, elements, is_true


class _Missing:
    """No value came through the pipeline, as opposed to nil."""


_MISSING = _Missing()


class _Jump(Enum):
    """A `break` or `continue` on its way to its range."""

    BREAK = "break"
    CONTINUE = "continue"


class Output:
    """The text that an execution has printed.

    A subclass decides what becomes of the values that are printed into the text.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pieces: list[str] = []
        self._length = 0

    def write_text(self, text: str) -> None:
        """Add what stands in the template itself."""
        self._write(text)

    def write_value(self, value: object) -> None:
        """Add a value.

        Raises:
            FunctionError: The value cannot be printed.
        """
        self._write(printed(value))

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._budget.limits.output:
            raise LimitError(f"prints more than {self._budget.limits.output} characters")
        self._pieces.append(text)

    def __str__(self) -> str:
        return "".join(self._pieces)


class Executor:
    """One template being executed; a template within it is another one.

    Attributes:
        trees: Every template that can be included.
        functions: Every function that can be called.
    """

    def __init__(
        self,
        tree: Tree,
        *,
        trees: Mapping[str, Tree],
        functions: Mapping[str, Function],
        output: Output,
        budget: Budget,
        depth: int = 0,
    ) -> None:
        self.trees = trees
        self.functions = functions
        self._tree = tree
        self._output = output
        self._budget = budget
        self._depth = depth
        self._variables: list[tuple[str, object]] = []
        self._at: Node | Operand | Command | None = None

    def run(self, data: object) -> None:
        """Execute the template with a cursor, which is `$` too.

        Raises:
            ExecutionError: The first thing that went wrong.
        """
        self._variables = [("$", data)]
        self._walk(data, self._tree.body)

    # Errors.

    def _error(self, message: str) -> ExecutionError:
        name = self._tree.name
        if self._at is None:
            return ExecutionError(f"template: {name}: {message}")
        before = self._tree.text[: self._at.position]
        line = before.count("\n") + 1
        column = len(to_octets(before[before.rfind("\n") + 1 :]))
        return ExecutionError(
            f"template: {self._tree.source}:{line}:{column}: "
            f"executing {quote(name)} at <{self._at}>: {message}"
        )

    # Nodes.

    def _walk(self, dot: object, nodes: Iterable[Node]) -> _Jump | None:
        for node in nodes:
            self._at = node
            self._budget.step()
            jump: _Jump | None = None
            match node:
                case Text():
                    self._output.write_text(node.text)
                case Action():
                    self._print(dot, node)
                case If() | With():
                    jump = self._choose(dot, node)
                case Range():
                    jump = self._range(dot, node)
                case Include():
                    self._include(dot, node)
                case Break():
                    return _Jump.BREAK
                case Continue():
                    return _Jump.CONTINUE
            if jump is not None:
                return jump
        return None

    def _print(self, dot: object, node: Action) -> None:
        value = self._pipeline(dot, node.pipeline)
        if node.pipeline.variables:
            return
        self._at = node
        try:
            self._output.write_value(value)
        except FunctionError as error:
            raise self._error(f"can't print {node} {error}") from error

    def _choose(self, dot: object, node: If | With) -> _Jump | None:
        known_variables = len(self._variables)
        value = self._pipeline(dot, node.pipeline)
        if is_true(value):
            jump = self._walk(value if isinstance(node, With) else dot, node.body)
        else:
            jump = self._walk(dot, node.otherwise or ())
        del self._variables[known_variables:]
        return jump

    def _range(self, dot: object, node: Range) -> _Jump | None:
        known_variables = len(self._variables)
        items = self._items(self._pipeline(dot, node.pipeline), node)
        loop_variables = len(self._variables)
        jump: _Jump | None = None
        is_empty = True
        for key, item in items:
            is_empty = False
            self._budget.step()
            self._set_loop_variables(node.pipeline, key, item)
            if self._walk(item, node.body) is _Jump.BREAK:
                break
            del self._variables[loop_variables:]
        if is_empty:
            # A jump here belongs to the range around this one.
            jump = self._walk(dot, node.otherwise or ())
        del self._variables[known_variables:]
        return jump

    def _items(self, value: object, node: Range) -> Iterable[tuple[object, object]]:
        if kind_of(value) in (Kind.INT, Kind.UINT):
            if len(node.pipeline.variables) > 1:
                raise self._error(
                    f"can't use {sprint(value)} to iterate over more than one variable"
                )
            return ((number, number) for number in range(cast("int", value)))
        items = elements(value)
        if items is None:
            raise self._error(f"range can't iterate over {sprint(value)}")
        return items

    def _set_loop_variables(self, pipeline: Pipeline, key: object, item: object) -> None:
        names = [variable.names[0] for variable in pipeline.variables]
        values = [item] if len(names) == 1 else [key, item]
        for place, (name, value) in enumerate(zip(names, values, strict=False)):
            if pipeline.is_assignment:
                self._assign(name, value)
            else:
                self._variables[place - len(names)] = (name, value)

    def _include(self, dot: object, node: Include) -> None:
        tree = self.trees.get(node.name)
        if tree is None:
            raise self._error(f"template {quote(node.name)} not defined")
        if self._depth == self._budget.limits.depth:
            raise self._error(f"exceeded maximum template depth ({self._depth})")
        data = None if node.pipeline is None else self._pipeline(dot, node.pipeline)
        Executor(
            tree,
            trees=self.trees,
            functions=self.functions,
            output=self._output,
            budget=self._budget,
            depth=self._depth + 1,
        ).run(data)

    # Variables.

    def _assign(self, name: str, value: object) -> None:
        for place in range(len(self._variables) - 1, -1, -1):
            if self._variables[place][0] == name:
                self._variables[place] = (name, value)
                return
        raise self._error(f"undefined variable: {name}")

    def _variable(self, name: str) -> object:
        for known, value in reversed(self._variables):
            if known == name:
                return value
        raise self._error(f"undefined variable: {name}")

    # Pipelines.

    def _pipeline(self, dot: object, pipeline: Pipeline) -> object:
        self._at = pipeline
        value: object = _MISSING
        for command in pipeline.commands:
            value = self._command(dot, command, value)
        for variable in pipeline.variables:
            if pipeline.is_assignment:
                self._assign(variable.names[0], value)
            else:
                self._variables.append((variable.names[0], value))
        return value

    def _command(self, dot: object, command: Command, final: object) -> object:
        self._budget.step()
        first, *arguments = command.operands
        match first:
            case Field():
                self._at = first
                return self._fields(dot, dot, first, first.names, arguments, final)
            case Chain():
                return self._chain(dot, first, arguments, final)
            case Identifier():
                return self._function(dot, first, command, arguments, final)
            case Pipeline():
                self._check_no_arguments(first, arguments, final)
                return self._pipeline(dot, first)
            case Variable():
                return self._variable_fields(dot, first, arguments, final)
            case _:
                self._at = first
                self._check_no_arguments(first, arguments, final)
                if isinstance(first, Nil):
                    raise self._error("nil is not a command")
                return dot if isinstance(first, Dot) else self._constant(first)

    def _check_no_arguments(
        self, first: Operand, arguments: Sequence[Operand], final: object
    ) -> None:
        if arguments or final is not _MISSING:
            raise self._error(f"can't give argument to non-function {first}")

    def _constant(self, node: BoolConstant | NumberConstant | StringConstant) -> object:
        if not isinstance(node, NumberConstant):
            return node.value
        number = node.number
        if number.complexity is not None:
            return number.complexity
        if number.is_ideal_float:
            return number.floating
        if number.integer is None:
            raise self._error(f"{node} overflows int")
        return number.integer

    # Fields, methods and functions.

    def _variable_fields(
        self, dot: object, node: Variable, arguments: Sequence[Operand], final: object
    ) -> object:
        self._at = node
        value = self._variable(node.names[0])
        if len(node.names) == 1:
            self._check_no_arguments(node, arguments, final)
            return value
        return self._fields(dot, value, node, node.names[1:], arguments, final)

    def _chain(
        self, dot: object, node: Chain, arguments: Sequence[Operand], final: object
    ) -> object:
        self._at = node
        if isinstance(node.term, Nil):
            raise self._error(f"indirection through explicit nil in {node}")
        value = self._argument(dot, ANY, node.term)
        return self._fields(dot, value, node, node.names, arguments, final)

    def _fields(
        self,
        dot: object,
        receiver: object,
        node: Operand,
        names: Sequence[str],
        arguments: Sequence[Operand],
        final: object,
    ) -> object:
        """Return the value of the last of some fields; it alone gets the arguments."""
        for name in names[:-1]:
            receiver = self._field(dot, receiver, name, node, (), _MISSING)
        return self._field(dot, receiver, names[-1], node, arguments, final)

    def _field(
        self,
        dot: object,
        receiver: object,
        name: str,
        node: Operand,
        arguments: Sequence[Operand],
        final: object,
    ) -> object:
        if receiver is None:
            return None
        if isinstance(receiver, Typed) and name in receiver.methods:
            method = receiver.methods[name]
            bound = partial(method.call, receiver)
            return self._call(dot, method, bound, name, node, arguments, final)
        has_arguments = bool(arguments) or final is not _MISSING
        if isinstance(receiver, Struct) and name in receiver.fields:
            if has_arguments:
                raise self._error(f"{name} has arguments but cannot be invoked as function")
            return getattr(receiver, receiver.fields[name])
        of = type_of(receiver)
        if of.kind is Kind.MAP:
            if has_arguments:
                raise self._error(f"{name} is not a method but has arguments")
            mapping = cast("Mapping[str, object]", receiver)
            return mapping[name] if name in mapping else zero(of.element)
        raise self._error(f"can't evaluate field {name} in type {of}")

    def _function(
        self,
        dot: object,
        node: Identifier,
        place: Command | Operand,
        arguments: Sequence[Operand],
        final: object,
    ) -> object:
        self._at = node
        if node.name in SHORT_CIRCUIT:
            return self._short_circuit(dot, node.name, arguments, final)
        function = self.functions.get(node.name)
        if function is None:
            raise self._error(f"{quote(node.name)} is not a defined function")
        return self._call(dot, function, function.call, node.name, place, arguments, final)

    def _short_circuit(
        self, dot: object, name: str, arguments: Sequence[Operand], final: object
    ) -> object:
        if not arguments and final is _MISSING:
            raise self._error(f"wrong number of args for {name}: want at least 1 got 0")
        value: object = None
        for argument in arguments:
            value = self._argument(dot, ANY, argument)
            if is_true(value) is SHORT_CIRCUIT[name]:
                return value
        return value if final is _MISSING else final

    def _call(
        self,
        dot: object,
        function: Function,
        call: Callable[..., object],
        name: str,
        place: Command | Operand,
        arguments: Sequence[Operand],
        final: object,
    ) -> object:
        self._check_count(function, name, len(arguments), final)
        types = [*function.takes]
        count = len(arguments) + (final is not _MISSING)
        types += [function.rest or ANY] * (count - len(types))
        self._budget.spend(count)
        values = [
            self._argument(dot, of, argument)
            for of, argument in zip(types, arguments, strict=False)
        ]
        if final is not _MISSING:
            values.append(self._checked(final, types[count - 1]))
        try:
            value = call(*values)
        except FunctionError as error:
            self._at = place
            raise self._error(f"error calling {name}: {error}") from error
        self._budget.spend(len(value) if isinstance(value, str | list | dict) else 1)
        return value

    def _check_count(self, function: Function, name: str, given: int, final: object) -> None:
        count = given + (final is not _MISSING)
        fixed = len(function.takes)
        if function.rest is not None and count < fixed:
            raise self._error(f"wrong number of args for {name}: want at least {fixed} got {given}")
        if function.rest is None and count != fixed:
            raise self._error(f"wrong number of args for {name}: want {fixed} got {count}")
        if function.results != 1:
            raise self._error(
                f"can't call method/function {quote(name)} with {function.results} results"
            )

    # Arguments.

    def _argument(self, dot: object, of: Type, node: Operand) -> object:
        self._at = node
        match node:
            case Dot():
                return self._checked(dot, of)
            case Nil():
                if not of.can_be_nil:
                    raise self._error(f"cannot assign nil to {of}")
                return None
            case Field():
                return self._checked(self._fields(dot, dot, node, node.names, (), _MISSING), of)
            case Variable():
                return self._checked(self._variable_fields(dot, node, (), _MISSING), of)
            case Pipeline():
                return self._checked(self._pipeline(dot, node), of)
            case Identifier():
                return self._checked(self._function(dot, node, node, (), _MISSING), of)
            case Chain():
                return self._checked(self._chain(dot, node, (), _MISSING), of)
            case _:
                return self._constant_argument(of, node)

    def _constant_argument(
        self, of: Type, node: BoolConstant | NumberConstant | StringConstant
    ) -> object:
        number = node.number if isinstance(node, NumberConstant) else None
        value: object = None
        match of.kind:
            case Kind.INTERFACE:
                return self._constant(node)
            case Kind.BOOL:
                wanted, value = "bool", node.value if isinstance(node, BoolConstant) else None
            case Kind.STRING:
                wanted, value = "string", node.value if isinstance(node, StringConstant) else None
            case Kind.INT:
                wanted, value = "integer", number and number.integer
            case Kind.UINT:
                wanted, value = "unsigned integer", number and number.unsigned
            case Kind.FLOAT:
                wanted, value = "float", number and number.floating
            case _:
                raise self._error(f"can't handle {node} for arg of type {of}")
        if value is None:
            raise self._error(f"expected {wanted}; found {node}")
        return value

    def _checked(self, value: object, of: Type) -> object:
        """Return a value that a parameter can take."""
        if value is None:
            if not of.can_be_nil:
                raise self._error(f"invalid value; expected {of}")
            return zero(of)
        if not assignable(value, of):
            given = type_of(value)
            if given.kind is Kind.POINTER and given.element is not None and of.takes(given.element):
                return value
            raise self._error(f"wrong type for value; expected {of}; got {given}")
        return value
