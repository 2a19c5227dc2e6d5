"""Tokens to trees, with the messages of Go. The first error ends the parsing.

Source: Go, text/template/parse/parse.go (the language of Go 1.23 and later).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from alerts.templating import literals
from alerts.templating.errors import TemplateSyntaxError
from alerts.templating.lexer import Kind, Token, tokens
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

MAX_DEPTH = 50
"""Parentheses, and actions with an `end`, within one another."""

_CONSTANTS = (BoolConstant, StringConstant, NumberConstant, Nil, Dot)
_OPERANDS = frozenset(
    [
        Kind.BOOL,
        Kind.CHARACTER,
        Kind.COMPLEX,
        Kind.DOT,
        Kind.FIELD,
        Kind.IDENTIFIER,
        Kind.NUMBER,
        Kind.NIL,
        Kind.RAW_STRING,
        Kind.STRING,
        Kind.VARIABLE,
        Kind.LEFT_PAREN,
    ]
)
_CHAINED = {"if": Kind.IF, "with": Kind.WITH}
_Branch = TypeVar("_Branch", If, With, Range)


class _Ending:
    """An `{{end}}` or `{{else}}`, which ends a list and stands in none."""

    def __init__(self, kind: Kind, position: int) -> None:
        self.kind = kind
        self.position = position

    def __str__(self) -> str:
        return f"{{{{{self.kind}}}}}"


def parse_trees(text: str, name: str, functions: Container[str]) -> dict[str, Tree]:
    """Return the tree of a text and those that it defines, by their names.

    Args:
        text: The template.
        name: What errors call it.
        functions: The names that may be called.

    Raises:
        TemplateSyntaxError: The text is not a template.
    """
    return _Parser(text, name, functions).parse()


class _Parser:
    def __init__(self, text: str, name: str, functions: Container[str]) -> None:
        self._text = text
        self._name = name
        self._functions = functions
        self._lexer = tokens(text)
        self._pending: list[Token] = []
        self._newest = Token(Kind.TEXT, "", 0, 1)
        self._variables = ["$"]
        self._known = Counter(self._variables)
        self._action_line = 0
        self._ranges = 0
        self._depth = 0
        self._trees: dict[str, Tree] = {}

    def parse(self) -> dict[str, Tree]:
        body: list[Node] = []
        while self._peek().kind is not Kind.END_OF_TEXT:
            if self._peek().kind is Kind.LEFT_DELIMITER:
                delimiter = self._next()
                keyword = self._next_non_space()
                if keyword.kind is Kind.DEFINE:
                    self._definition()
                    continue
                self._back(keyword)
                self._back(delimiter)
            node = self._text_or_action()
            if isinstance(node, _Ending):
                raise self._error(f"unexpected {node}")
            body.append(node)
        self._add(self._name, body)
        return self._trees

    # Tokens.

    def _next(self) -> Token:
        if self._pending:
            return self._pending.pop()
        # The last token stays: an end or an error is met again by who looks further.
        self._newest = next(self._lexer, self._newest)
        return self._newest

    def _back(self, token: Token) -> None:
        self._pending.append(token)

    def _peek(self) -> Token:
        token = self._next()
        self._back(token)
        return token

    def _next_non_space(self) -> Token:
        token = self._next()
        while token.kind is Kind.SPACE:
            token = self._next()
        return token

    def _peek_non_space(self) -> Token:
        token = self._next_non_space()
        self._back(token)
        return token

    def _expect(self, kinds: tuple[Kind, ...], context: str) -> Token:
        token = self._next_non_space()
        if token.kind not in kinds:
            raise self._unexpected(token, context)
        return token

    def _unexpected(self, token: Token, context: str) -> TemplateSyntaxError:
        if token.kind is not Kind.ERROR:
            return self._error(f"unexpected {token} in {context}")
        started = ""
        if self._action_line not in (0, token.line):
            # Never "action in action".
            in_action = "" if token.text.endswith(" action") else " in action"
            started = f"{in_action} started at {self._name}:{self._action_line}"
        return self._error(f"{token}{started}")

    def _error(self, message: str) -> TemplateSyntaxError:
        return TemplateSyntaxError(self._name, self._newest.line, message)

    # Templates.

    def _add(self, name: str, body: list[Node]) -> None:
        tree = Tree(name, self._name, self._text, tuple(body))
        known = self._trees.get(name)
        if known is None or known.is_empty:
            self._trees[name] = tree
        elif not tree.is_empty:
            raise self._error(f"template: multiple definition of template {quote(name)}")

    def _definition(self) -> None:
        """Parse `{{define "name"}} list {{end}}` behind its first word."""
        context = "define clause"
        token = self._expect((Kind.STRING, Kind.RAW_STRING), context)
        name = self._unquoted(token)
        self._expect((Kind.RIGHT_DELIMITER,), context)
        with self._own_scope():
            body, ending = self._list()
        if ending.kind is not Kind.END:
            raise self._error(f"unexpected {ending} in {context}")
        self._add(name, body)

    @contextmanager
    def _own_scope(self) -> Iterator[None]:
        outer = self._variables, self._known, self._ranges, self._action_line
        self._variables, self._ranges, self._action_line = ["$"], 0, 0
        self._known = Counter(self._variables)
        yield
        self._variables, self._known, self._ranges, self._action_line = outer

    def _declare(self, name: str) -> None:
        self._variables.append(name)
        self._known[name] += 1

    def _forget_variables(self, since: int) -> None:
        self._known.subtract(self._variables[since:])
        del self._variables[since:]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("max expression depth exceeded")
        yield
        self._depth -= 1

    # Lists of nodes.

    def _list(self) -> tuple[list[Node], _Ending]:
        body: list[Node] = []
        while self._peek_non_space().kind is not Kind.END_OF_TEXT:
            node = self._text_or_action()
            if isinstance(node, _Ending):
                return body, node
            body.append(node)
        raise self._error("unexpected EOF")

    def _text_or_action(self) -> Node | _Ending:
        token = self._next_non_space()
        if token.kind is Kind.TEXT:
            return Text(token.position, token.text)
        if token.kind is Kind.LEFT_DELIMITER:
            self._action_line = token.line
            node = self._action()
            self._action_line = 0
            return node
        raise self._unexpected(token, "input")

    def _action(self) -> Node | _Ending:
        token = self._next_non_space()
        match token.kind:
            case Kind.BLOCK:
                return self._block()
            case Kind.BREAK | Kind.CONTINUE:
                return self._jump(token)
            case Kind.ELSE:
                return self._else()
            case Kind.END:
                return _Ending(Kind.END, self._expect((Kind.RIGHT_DELIMITER,), "end").position)
            case Kind.IF:
                return self._branch(If, "if")
            case Kind.RANGE:
                return self._branch(Range, "range")
            case Kind.TEMPLATE:
                return self._include()
            case Kind.WITH:
                return self._branch(With, "with")
            case _:
                self._back(token)
                pipeline = self._pipeline("command", Kind.RIGHT_DELIMITER)
                return Action(token.position, pipeline)

    def _jump(self, keyword: Token) -> Break | Continue:
        self._expect((Kind.RIGHT_DELIMITER,), f"{{{{{keyword.kind}}}}}")
        if not self._ranges:
            raise self._error(f"{{{{{keyword.kind}}}}} outside {{{{range}}}}")
        is_break = keyword.kind is Kind.BREAK
        return Break(keyword.position) if is_break else Continue(keyword.position)

    def _else(self) -> _Ending:
        following = self._peek_non_space()
        if following.kind not in (Kind.IF, Kind.WITH):
            following = self._expect((Kind.RIGHT_DELIMITER,), "else")
        return _Ending(Kind.ELSE, following.position)

    def _branch(self, node: type[_Branch], context: str) -> _Branch:
        """Parse what stands behind `if`, `with` or `range`, up to its end.

        `else if` is an `if` within the `else`, and one `end` closes both.
        """
        known_variables = len(self._variables)
        again = _CHAINED.get(context)
        parts: list[tuple[Pipeline, list[Node]]] = []
        otherwise: list[Node] | None = None
        with self._deeper():
            while True:
                pipeline = self._pipeline(context, Kind.RIGHT_DELIMITER)
                self._ranges += node is Range
                body, ending = self._list()
                self._ranges -= node is Range
                parts.append((pipeline, body))
                if ending.kind is Kind.END:
                    break
                if self._peek().kind is again:
                    self._next()
                    continue
                otherwise, ending = self._list()
                if ending.kind is not Kind.END:
                    raise self._error(f"expected end; found {ending}")
                break
        self._forget_variables(known_variables)
        return _folded(node, parts, otherwise)

    def _block(self) -> Include:
        """Parse `{{block "name" pipeline}} list {{end}}`: a definition, and its use."""
        context = "block clause"
        token = self._next_non_space()
        name = self._template_name(token, context)
        pipeline = self._pipeline(context, Kind.RIGHT_DELIMITER)
        with self._own_scope(), self._deeper():
            body, ending = self._list()
        if ending.kind is not Kind.END:
            raise self._error(f"unexpected {ending} in {context}")
        self._add(name, body)
        return Include(token.position, name, pipeline)

    def _include(self) -> Include:
        context = "template clause"
        token = self._next_non_space()
        name = self._template_name(token, context)
        following = self._next_non_space()
        if following.kind is Kind.RIGHT_DELIMITER:
            return Include(token.position, name, None)
        self._back(following)
        return Include(token.position, name, self._pipeline(context, Kind.RIGHT_DELIMITER))

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in (Kind.STRING, Kind.RAW_STRING):
            raise self._unexpected(token, context)
        return self._unquoted(token)

    # Pipelines.

    def _pipeline(self, context: str, end: Kind) -> Pipeline:
        position = self._peek_non_space().position
        variables, is_assignment = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self._next_non_space()
            if token.kind is end:
                self._check_commands(commands, context)
                return Pipeline(position, tuple(commands), tuple(variables), is_assignment)
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._back(token)
            commands.append(self._command())

    def _declarations(self, context: str) -> tuple[list[Variable], bool]:
        """Parse `$x :=`, `$x =` and `$i, $x :=` where they stand."""
        variables: list[Variable] = []
        while self._peek_non_space().kind is Kind.VARIABLE:
            name = self._next_non_space()
            space = self._next()
            following = space
            if space.kind is Kind.SPACE:
                following = self._next_non_space()
            is_comma = following.kind is Kind.OTHER and following.text == ","
            if following.kind not in (Kind.ASSIGN, Kind.DECLARE) and not is_comma:
                self._back(following)
                if space.kind is Kind.SPACE:
                    self._back(space)
                self._back(name)
                break
            variables.append(Variable(name.position, tuple(name.text.split("."))))
            self._declare(name.text)
            if not is_comma:
                return variables, following.kind is Kind.ASSIGN
            if context != "range" or len(variables) > 1:
                raise self._error(f"too many declarations in {context}")
            if self._peek_non_space().kind not in (
                Kind.VARIABLE,
                Kind.RIGHT_DELIMITER,
                Kind.RIGHT_PAREN,
            ):
                raise self._error("range can only initialize variables")
        return variables, False

    def _check_commands(self, commands: list[Command], context: str) -> None:
        if not commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], _CONSTANTS):
                raise self._error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        position = self._peek_non_space().position
        operands: list[Operand] = []
        while True:
            self._peek_non_space()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            token = self._next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in (Kind.RIGHT_DELIMITER, Kind.RIGHT_PAREN):
                self._back(token)
            elif token.kind is not Kind.PIPE:
                raise self._unexpected(token, "operand")
            break
        if not operands:
            raise self._error("empty command")
        return Command(position, tuple(operands))

    def _operand(self) -> Operand | None:
        term = self._term()
        if term is None or self._peek().kind is not Kind.FIELD:
            return term
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind is Kind.FIELD:
            names.append(self._next().text[1:])
        if isinstance(term, Field):
            return Field(position, (*term.names, *names))
        if isinstance(term, Variable):
            return Variable(position, (*term.names, *names))
        if isinstance(term, _CONSTANTS):
            raise self._error(f"unexpected . after term {quote(str(term))}")
        return Chain(position, term, tuple(names))

    def _term(self) -> Operand | None:
        token = self._next_non_space()
        match token.kind:
            case Kind.IDENTIFIER:
                if token.text not in self._functions:
                    raise self._error(f"function {quote(token.text)} not defined")
                return Identifier(token.position, token.text)
            case Kind.DOT:
                return Dot(token.position)
            case Kind.NIL:
                return Nil(token.position)
            case Kind.VARIABLE:
                if not self._known[token.text]:
                    raise self._error(f"undefined variable {quote(token.text)}")
                return Variable(token.position, (token.text,))
            case Kind.FIELD:
                return Field(token.position, (token.text[1:],))
            case Kind.BOOL:
                return BoolConstant(token.position, token.text == "true")
            case Kind.CHARACTER | Kind.COMPLEX | Kind.NUMBER:
                return self._number(token)
            case Kind.STRING | Kind.RAW_STRING:
                return StringConstant(token.position, token.text, self._unquoted(token))
            case Kind.LEFT_PAREN:
                with self._deeper():
                    return self._pipeline("parenthesized pipeline", Kind.RIGHT_PAREN)
            case _:
                self._back(token)
                return None

    def _number(self, token: Token) -> NumberConstant:
        try:
            if token.kind is Kind.CHARACTER:
                number = literals.character(token.text)
            else:
                number = literals.number(token.text)
        except ValueError as error:
            raise self._error(str(error)) from error
        return NumberConstant(token.position, token.text, number)

    def _unquoted(self, token: Token) -> str:
        try:
            return literals.unquote(token.text)
        except ValueError as error:
            raise self._error(str(error)) from error


def _folded(
    node: type[_Branch],
    parts: Sequence[tuple[Pipeline, list[Node]]],
    otherwise: Sequence[Node] | None,
) -> _Branch:
    """Return the branch of a chain of conditions, each one in the `else` of the one before."""
    (pipeline, body), *later = parts
    rest = None if otherwise is None else tuple(otherwise)
    for inner_pipeline, inner_body in reversed(later):
        inner = node(inner_pipeline.position, inner_pipeline, tuple(inner_body), rest)
        rest = (inner,)
    return node(pipeline.position, pipeline, tuple(body), rest)
