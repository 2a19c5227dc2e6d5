"""Arithmetic of the reference: numbers as Go calculates them."""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress

from observability.promql.syntax import BinaryOp


def total(values: Iterable[float]) -> float:
    values = list(values)
    if all(math.isfinite(value) for value in values):
        with suppress(OverflowError):
            return math.fsum(values)
    return sum(values)


def mean(values: list[float]) -> float:
    if all(math.isfinite(value) for value in values):
        return math.fsum(value / len(values) for value in values)
    return sum(values) / len(values)


def variance(values: list[float]) -> float:
    if not all(math.isfinite(value) for value in values):
        return math.nan
    if len(set(values)) == 1:
        return 0.0
    middle = mean(values)
    return math.fsum((value - middle) ** 2 for value in values) / len(values)


def extreme(values: Iterable[float], choose: Callable[[list[float]], float]) -> float:
    real = [value for value in values if not math.isnan(value)]
    return choose(real) if real else math.nan


def quantile(q: float, values: list[float]) -> float:
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    ordered = sorted(values, key=lambda value: -math.inf if math.isnan(value) else value)
    ordered.sort(key=lambda value: not math.isnan(value))
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] * (1 - (rank - lower)) + ordered[upper] * (rank - lower)


def smaller(a: float, b: float) -> float:
    if -math.inf in (a, b):
        return -math.inf
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def larger(a: float, b: float) -> float:
    return -smaller(-a, -b)


def number(op: BinaryOp, a: float, b: float) -> float:
    return _OPERATORS[op](a, b)


def or_nan(function: Callable[..., float]) -> Callable[..., float]:
    """Return a function of `math` that gives NaN where it would refuse, and infinity where it overflows."""

    def call(*args: float) -> float:
        try:
            return function(*args)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return call


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or math.isnan(a) or math.isnan(b):
        return math.nan if not math.isnan(b) else b
    return math.copysign(math.inf, a) * math.copysign(1, b)


def _modulo(a: float, b: float) -> float:
    if b == 0 or math.isinf(a):
        return math.nan
    return math.fmod(a, b)


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except ValueError:
        # A negative base of a broken power; or zero to a negative one, which keeps its sign only
        # for odd powers.
        if a != 0:
            return math.nan
        return math.copysign(math.inf, a) if b % 2 == 1 else math.inf
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf


_OPERATORS: dict[BinaryOp, Callable[[float, float], float]] = {
    BinaryOp.ADD: lambda a, b: a + b,
    BinaryOp.SUB: lambda a, b: a - b,
    BinaryOp.MUL: lambda a, b: a * b,
    BinaryOp.DIV: _divide,
    BinaryOp.MOD: _modulo,
    BinaryOp.POW: _power,
    BinaryOp.ATAN2: math.atan2,
    BinaryOp.EQL: lambda a, b: float(a == b),
    BinaryOp.NEQ: lambda a, b: float(a != b),
    BinaryOp.GTR: lambda a, b: float(a > b),
    BinaryOp.LSS: lambda a, b: float(a < b),
    BinaryOp.GTE: lambda a, b: float(a >= b),
    BinaryOp.LTE: lambda a, b: float(a <= b),
}
