"""Functions and methods that a template can call, with the types of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from alerts.templating.kinds import Kind, Type, Typed


@dataclass(frozen=True, slots=True)
class Function(Typed):
    """What a template calls.

    Attributes:
        call: Gets the arguments, a method its receiver first; raises `FunctionError`.
        takes: The types of the arguments.
        rest: The type of any number of further ones; None when there can be none.
        results: How many values it gives; Go's templates can only use one.
    """

    call: Callable[..., object]
    takes: tuple[Type, ...] = ()
    rest: Type | None = None
    results: int = 1

    go_type: ClassVar[Type] = Type("func", Kind.FUNCTION)
