"""What can go wrong with a template, in the words of Go's text/template."""

from __future__ import annotations


class TemplateError(Exception):
    """A template cannot be read or cannot be executed; trying again without a change cannot help."""


class TemplateSyntaxError(TemplateError):
    """The text is not a template.

    Attributes:
        line: Where the parser stopped, from 1.
    """

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"template: {name}:{line}: {message}")
        self.line = line


class ExecutionError(TemplateError):
    """A template and its data do not go together, or a function of it failed."""


class LimitError(ExecutionError):
    """A template makes more text, takes more steps or more time than it may."""


class FunctionError(Exception):
    """A function refuses its arguments; the executor says where it was called."""
