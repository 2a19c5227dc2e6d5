"""`label_replace` and `label_join`: new labels out of old ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from observability.promql.blocks import Bools, VectorBlock
from observability.promql.errors import ExecutionError, InvalidRegexError
from observability.promql.expansion import expand
from observability.promql.functions.signature import VectorFunction
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.matchers import compile_regex
from observability.promql.operands import Operands
from observability.promql.syntax import Call


def _label_replace(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the vector with one label set where another one matches."""
    target, template, source, pattern = (operands.string(arg) for arg in call.args[1:])
    try:
        regex = compile_regex(pattern)
    except InvalidRegexError as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    _check_label_name(target, "label_replace")

    def relabel(labels: dict[str, str]) -> str | None:
        found = regex.fullmatch(labels.get(source, ""))
        return None if found is None else expand(template, found)

    yield from _relabel(call, operands, target, relabel)


def _label_join(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the vector with one label set to other ones joined."""
    target, separator, *sources = (operands.string(arg) for arg in call.args[1:])
    for source in sources:
        _check_label_name(source, "label_join", "source")
    _check_label_name(target, "label_join")

    def relabel(labels: dict[str, str]) -> str:
        return separator.join(labels.get(source, "") for source in sources)

    yield from _relabel(call, operands, target, relabel)


def _relabel(
    call: Call,
    operands: Operands,
    target: str,
    relabel: Callable[[dict[str, str]], str | None],
) -> Iterator[VectorBlock]:
    taken: dict[LabelSet, Bools] = {}
    for block in operands.vector(call.args[0], function=call.function):
        label_sets: list[LabelSet] = []
        drop_name = np.array(block.drop_name)
        for row, labels in enumerate(block.label_sets):
            value = relabel(dict(labels))
            if value is None:
                label_sets.append(labels)
                continue
            label_sets.append(label_set({**dict(labels), target: value}))
            if target == METRIC_NAME:
                # A name given on purpose is one to keep.
                drop_name[row] = False
        _refuse_same(taken, label_sets, block.present)
        yield replace(block, label_sets=label_sets, drop_name=drop_name)


def _refuse_same(
    taken: dict[LabelSet, Bools], label_sets: Sequence[LabelSet], present: Bools
) -> None:
    """Raise when series have become the same at some step; `taken` is where those before are."""
    for labels, steps in zip(label_sets, present, strict=True):
        others = taken.get(labels)
        if others is None:
            taken[labels] = steps
            continue
        if (others & steps).any():
            raise ExecutionError("vector cannot contain metrics with the same labelset")
        taken[labels] = others | steps


def _check_label_name(name: str, function: str, role: str = "destination") -> None:
    # A byte that is no UTF-8 came out of the query's text as a lone surrogate.
    if not name or any("\ud800" <= character <= "\udfff" for character in name):
        shown = name.encode(errors="surrogateescape").decode(errors="replace")
        raise ExecutionError(f"invalid {role} label name in {function}(): {shown}")


FUNCTIONS: dict[str, VectorFunction] = {
    "label_replace": _label_replace,
    "label_join": _label_join,
}
