"""Prometheus's own cases, read from a folder beside the project."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from observability.promql import (
    Engine,
    InstantVector,
    Matrix,
    MemoryStorage,
    PromQLError,
    Scalar,
    String,
    parse,
)
from observability.promql.values import Value

from .notation import samples

_BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("CONFORMANCE_DIR", _BESIDE_THE_PROJECT)) / "promql"
SMALLEST_NORMAL = 2.2250738585072014e-308

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no conformance cases in {FOLDER} (set CONFORMANCE_DIR)"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One expression on one set of series, with what Prometheus answers."""

    place: str
    storage: MemoryStorage
    expected: dict[str, Any]

    @property
    def expr(self) -> str:
        """The expression."""
        return str(self.expected["expr"])


@pytest.mark.parametrize(
    ("file", "count"), [("instant_cases.json", 662), ("range_cases.json", 133)]
)
def test_every_case_is_answered_as_prometheus_does(file: str, count: int) -> None:
    wrong, right = [], 0

    for case in read_cases(file):
        try:
            difference = compare(case.expected, evaluate(case))
        except PromQLError as error:
            difference = f"{type(error).__name__}: {error}"
        if difference:
            wrong.append(f"{case.place} {case.expr}\n    {difference}")
        else:
            right += 1

    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong)
    assert right >= count


def test_what_must_fail_fails() -> None:
    answered = []

    for case in read_cases("must_fail.json"):
        try:
            evaluate(case)
        except PromQLError:
            continue
        answered.append(f"{case.place} {case.expr}")

    assert not answered


def test_every_expression_that_is_parsed_is_printed_so_that_it_parses_to_the_same() -> None:
    changed = []

    for file in ("instant_cases.json", "range_cases.json"):
        for case in read_cases(file):
            try:
                tree = parse(case.expr)
            except PromQLError:
                continue
            # Matchers change places: they are printed in the order of their text.
            if str(parse(str(tree))) != str(tree):
                changed.append(f"{case.expr} -> {tree}")

    assert not changed


def read_cases(file: str) -> Iterator[Case]:
    document = json.loads((FOLDER / file).read_text())
    for group in document["groups"]:
        storage = MemoryStorage(series_per_block=3)
        for load in group["loads"]:
            for series in load["series"]:
                storage.add(series["metric"], samples(series["values"], load["interval_ms"]))
        for expected in group["cases"]:
            yield Case(f"{group['file']}:{expected['line']}", storage, expected)


def evaluate(case: Case) -> Value:
    engine, expected = Engine(), case.expected
    if "time_ms" in expected:
        result = engine.query(case.expr, at_ms=expected["time_ms"], storage=case.storage)
    else:
        result = engine.query_range(
            case.expr,
            start_ms=expected["start_ms"],
            end_ms=expected["end_ms"],
            step_ms=expected["step_ms"],
            storage=case.storage,
        )
    return result.value


def compare(case: dict[str, Any], value: Value) -> str | None:
    """Return how the answer differs from the expected one, None when it does not."""
    expected = case["expected"]
    match case["result"], value:
        case "scalar", Scalar():
            same = is_close(float(expected), value.value)
            return None if same else f"expected {expected}, got {value.value}"
        case "string", String():
            return None if expected == value.value else f"expected {expected!r}, got {value}"
        case "vector", InstantVector():
            wanted = [(labels_of(sample), [(0, float(sample["value"]))]) for sample in expected]
            got = [(dict(labels), [(0, number)]) for labels, number in value.samples()]
            if case.get("ordered") and [labels for labels, _ in wanted] != [
                labels for labels, _ in got
            ]:
                return f"expected in the order {wanted}, got {got}"
            return compare_series(wanted, got)
        case "matrix", Matrix():
            wanted = [
                (labels_of(series), [(time_ms, float(text)) for time_ms, text in series["points"]])
                for series in expected
                if series["points"]
            ]
            got = [
                (dict(labels), list(zip(times.tolist(), numbers.tolist(), strict=True)))
                for labels, times, numbers in value.series()
            ]
            return compare_series(wanted, got)
        case _:
            return f"expected a {case['result']}, got {value}"


Series: TypeAlias = tuple[dict[str, str], list[tuple[int, float]]]


def compare_series(wanted: list[Series], got: list[Series]) -> str | None:
    remaining = {tuple(sorted(labels.items())): points for labels, points in got}
    if len(remaining) != len(got):
        return f"the same series twice in {got}"
    for labels, points in wanted:
        found = remaining.pop(tuple(sorted(labels.items())), None)
        if found is None:
            return f"missing {labels} in {got[:4]}"
        if [time_ms for time_ms, _ in points] != [time_ms for time_ms, _ in found]:
            return f"{labels}: expected {points}, got {found}"
        if not all(is_close(a, b) for (_, a), (_, b) in zip(points, found, strict=True)):
            return f"{labels}: expected {points}, got {found}"
    return f"unexpected {remaining}" if remaining else None


def labels_of(series: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in series["metric"].items() if value}


def is_close(a: float, b: float) -> bool:
    """Compare as Prometheus's test scripts do: to a relative 1e-6."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    difference = abs(a - b)
    if a == 0 or b == 0 or difference < SMALLEST_NORMAL:
        return difference < 1e-6 * SMALLEST_NORMAL
    return difference / (abs(a) + abs(b)) < 1e-6
