"""Templates by their names: parsed once, executed with data as often as wanted."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from alerts.templating.errors import LimitError, TemplateError, TemplateSyntaxError
from alerts.templating.execution import Executor, Output
from alerts.templating.functions import BUILTINS, SHORT_CIRCUIT
from alerts.templating.limits import MAX_TEMPLATE, Budget, Limits
from alerts.templating.literals import quote
from alerts.templating.nodes import Tree
from alerts.templating.octets import printable
from alerts.templating.parser import parse_trees
from alerts.templating.signatures import Function

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Template:
    """A text, the templates that it defines and those that it was parsed with.

    Attributes:
        name: The template that `execute` starts with.
        trees: All of them.
    """

    name: str
    trees: Mapping[str, Tree]

    def execute(
        self,
        data: object,
        functions: Mapping[str, Function] | None = None,
        *,
        output: type[Output] = Output,
        limits: Limits = _LIMITS,
    ) -> str:
        """Return what the template prints.

        Args:
            data: The cursor: plain values, lists, dicts and what is `Typed`.
            functions: What it can call besides Go's own functions.
            output: What becomes of the values that are printed.
            limits: What it may use.

        Raises:
            TemplateError: It does not go together with the data, a function failed, or it
                uses more than it may.
        """
        tree = self.trees.get(self.name)
        if tree is None:
            raise TemplateError(f"template: {quote(self.name)} is an incomplete or empty template")
        budget = Budget(limits)
        out = output(budget)
        executor = Executor(
            tree,
            trees=self.trees,
            functions={**BUILTINS, **(functions or {})},
            output=out,
            budget=budget,
        )
        try:
            executor.run(data)
        except LimitError as error:
            raise LimitError(f"template: {self.name}: {error}") from error
        except RecursionError as error:
            raise LimitError(f"template: {self.name}: templates are nested too deeply") from error
        return printable(str(out))


def parse(
    text: str,
    name: str,
    functions: Container[str] = (),
    *,
    known: Mapping[str, Tree] | None = None,
) -> Template:
    """Return the template of a text.

    Args:
        text: What is parsed.
        name: What it is called, also in errors.
        functions: The names it may call besides Go's own functions.
        known: Templates it can include; a definition of the same name replaces one.

    Raises:
        TemplateError: The text is not a template.
    """
    if len(text) > MAX_TEMPLATE:
        raise TemplateSyntaxError(name, 1, f"longer than {MAX_TEMPLATE} characters")
    try:
        trees = parse_trees(text, name, _Names(functions))
    except RecursionError as error:
        raise TemplateSyntaxError(name, 1, "max expression depth exceeded") from error
    merged = dict(known or {})
    for tree in trees.values():
        if not tree.is_empty or tree.name not in merged:
            merged[tree.name] = tree
    return Template(name, merged)


@dataclass(frozen=True, slots=True)
class _Names:
    """Every name that can be called."""

    others: Container[str]

    def __contains__(self, name: object) -> bool:
        return name in BUILTINS or name in SHORT_CIRCUIT or name in self.others
