"""Functions of one value: rounding, clamping, powers, trigonometry."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from observability.promql.blocks import Floats, VectorBlock
from observability.promql.functions.signature import ScalarFunction, VectorFunction, each_value
from observability.promql.operands import Operands
from observability.promql.syntax import Call


def round_to(values: Floats, nearest: Any = 1.0) -> Floats:
    """Return the nearest multiple of `nearest`; a tie goes up."""
    # Prometheus multiplies by the inverse, which gives other last digits than dividing.
    inverse = 1.0 / np.asarray(nearest, dtype=np.float64)
    return np.floor(values * inverse + 0.5) / inverse


def larger(a: Floats, b: Floats) -> Floats:
    """Return the larger of two numbers as Go has it: NaN wins over all but +Inf."""
    return np.where(np.isposinf(a) | np.isposinf(b), np.inf, np.maximum(a, b))


def smaller(a: Floats, b: Floats) -> Floats:
    """Return the smaller of two numbers as Go has it: NaN wins over all but -Inf."""
    return np.where(np.isneginf(a) | np.isneginf(b), -np.inf, np.minimum(a, b))


def _clamp(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the values between two bounds; nothing at steps where the bounds are crossed."""
    least, greatest = (operands.scalar(arg) for arg in call.args[1:])
    is_possible = ~(greatest < least)
    for block in operands.vector(call.args[0], function=call.function):
        values = larger(smaller(block.values, greatest), least)
        yield block.with_values(values, block.present & is_possible)


def _min_of(call: Call, operands: Operands) -> Floats:
    return smaller(*(operands.scalar(arg) for arg in call.args))


def _max_of(call: Call, operands: Operands) -> Floats:
    return larger(*(operands.scalar(arg) for arg in call.args))


def _pi(call: Call, operands: Operands) -> Floats:
    return np.full(operands.context.steps.count, math.pi)


FUNCTIONS: dict[str, VectorFunction] = {
    "round": each_value(round_to),
    "clamp": _clamp,
    "clamp_min": each_value(larger),
    "clamp_max": each_value(smaller),
    "abs": each_value(np.abs),
    "ceil": each_value(np.ceil),
    "floor": each_value(np.floor),
    "exp": each_value(np.exp),
    "sqrt": each_value(np.sqrt),
    "ln": each_value(np.log),
    "log2": each_value(np.log2),
    "log10": each_value(np.log10),
    "sgn": each_value(np.sign),
    "sin": each_value(np.sin),
    "cos": each_value(np.cos),
    "tan": each_value(np.tan),
    "asin": each_value(np.arcsin),
    "acos": each_value(np.arccos),
    "atan": each_value(np.arctan),
    "sinh": each_value(np.sinh),
    "cosh": each_value(np.cosh),
    "tanh": each_value(np.tanh),
    "asinh": each_value(np.arcsinh),
    "acosh": each_value(np.arccosh),
    "atanh": each_value(np.arctanh),
    "rad": each_value(np.radians),
    "deg": each_value(np.degrees),
}

SCALAR_FUNCTIONS: dict[str, ScalarFunction] = {"pi": _pi, "min_of": _min_of, "max_of": _max_of}
