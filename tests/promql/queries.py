"""Queries over a few series, and their results in a form that is short to write down."""

from collections.abc import Mapping

from observability.promql import (
    Engine,
    InstantVector,
    Matrix,
    MemoryStorage,
    QueryResult,
    Scalar,
)

from .notation import samples

MINUTE_MS = 60_000


def storage_of(series: Mapping[str, str]) -> MemoryStorage:
    """Return a storage; series are written `name{a="b"}: values a minute apart`."""
    storage = MemoryStorage(series_per_block=2)
    for metric, notation in series.items():
        storage.add(labels_of(metric), samples(notation, MINUTE_MS))
    return storage


def labels_of(metric: str) -> dict[str, str]:
    name, _, rest = metric.partition("{")
    pairs = (pair.partition("=") for pair in rest.removesuffix("}").split(",") if pair)
    labels = {label.strip(): value.strip('"') for label, _, value in pairs}
    return {"__name__": name, **labels} if name else labels


def ask(expr: str, series: Mapping[str, str], *, minutes: float = 0) -> QueryResult:
    """Return the result of an instant query."""
    return Engine().query(expr, at_ms=int(minutes * MINUTE_MS), storage=storage_of(series))


def instant(expr: str, series: Mapping[str, str], *, minutes: float = 0) -> dict[str, float]:
    """Return the value of each series, in the order of the answer; of a scalar under ''."""
    value = ask(expr, series, minutes=minutes).value
    if isinstance(value, Scalar):
        return {"": value.value}
    assert isinstance(value, InstantVector)
    return {metric_text(dict(labels)): number for labels, number in value.samples()}


def over_minutes(
    expr: str, series: Mapping[str, str], *, minutes: int
) -> dict[str, dict[int, float]]:
    """Return the values of each series by minute, from 0 to `minutes`."""
    value = (
        Engine()
        .query_range(
            expr,
            start_ms=0,
            end_ms=minutes * MINUTE_MS,
            step_ms=MINUTE_MS,
            storage=storage_of(series),
        )
        .value
    )
    assert isinstance(value, Matrix)
    return {
        metric_text(dict(labels)): dict(
            zip((times // MINUTE_MS).tolist(), numbers.tolist(), strict=True)
        )
        for labels, times, numbers in value.series()
    }


def metric_text(labels: dict[str, str]) -> str:
    """Return a label set in the form of `labels_of`."""
    rest = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return labels.get("__name__", "") + (f"{{{rest}}}" if rest else "")
