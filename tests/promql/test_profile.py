"""What explanations say of the nodes of a query."""

import pytest

from observability.promql import Engine, Explanation, MemoryStorage, QueryOptions

from .queries import MINUTE_MS, storage_of
from .rolled_storage import RolledStorage

SERIES = {
    'requests_total{job="a",i="1"}': "0+10x100",
    'requests_total{job="a",i="2"}': "0+20x100",
    'requests_total{job="b",i="1"}': "0+30x100",
    "limit": "5x100",
}


def explain(expr: str, storage: MemoryStorage | RolledStorage | None = None) -> Explanation:
    """Return the explanation of a range query over 3 steps of a minute."""
    result = Engine().query_range(
        expr,
        start_ms=8 * MINUTE_MS,
        end_ms=10 * MINUTE_MS,
        step_ms=MINUTE_MS,
        storage=storage or storage_of(SERIES),
        options=QueryOptions(explain=True),
    )
    assert result.explanation is not None
    return result.explanation


def test_each_node_stands_where_it_is_in_the_query() -> None:
    expr = "sum by (job) (rate(requests_total[2m])) > on () group_left () (limit)"

    nodes = list(explain(expr).walk())

    assert [(node.kind, node.text) for node in nodes] == [
        ("operator", "sum by (job) (rate(requests_total[2m])) > on () group_left () (limit)"),
        ("aggregation", "sum by (job) (rate(requests_total[2m]))"),
        ("function", "rate(requests_total[2m])"),
        ("range selector", "requests_total[2m]"),
        ("parentheses", "(limit)"),
        ("selector", "limit"),
    ]
    assert [expr[slice(*node.span)] for node in nodes] == [node.text for node in nodes]


def test_nodes_say_how_many_series_and_points_they_gave_and_what_was_read_for_them() -> None:
    nodes = {node.kind: node for node in explain("sum by (job) (rate(requests_total[2m]))").walk()}

    found = {kind: (node.series, node.points, node.samples) for kind, node in nodes.items()}
    assert found == {
        "aggregation": (2, 6, 12),
        "function": (3, 9, 12),
        "range selector": (3, 18, 12),
    }
    assert nodes["range selector"].sources == {"samples": 12}
    assert nodes["function"].sources == {}


@pytest.mark.parametrize(
    ("expr", "kind", "expected"),
    [
        ("-(limit)", "selector", (1, 3)),
        ("limit @ 60", "selector", (1, 3)),
        ("timestamp(limit)", "selector", (1, 3)),
        ("absent(nothing)", "selector", (0, 0)),
        ("vector(step())", "function", (1, 3)),
        ("max_over_time(rate(requests_total[2m])[3m:1m])", "subquery", (3, 27)),
        ("count_over_time(limit[5m])", "range selector", (1, 15)),
        ("1 + 2 * 3", "operator", (1, 3)),
        ("scalar(limit)", "function", (1, 3)),
        ('label_replace(limit, "a", "$1", "b", "(.*)")', "function", (1, 3)),
        ("info(limit)", "selector", (1, 3)),
        ("quantile(0.5, requests_total)", "aggregation", (1, 3)),
    ],
)
def test_every_kind_of_node_is_explained(expr: str, kind: str, expected: tuple[int, int]) -> None:
    found = explain(expr)

    node = next(node for node in found.walk() if node.kind == kind)
    assert (node.series, node.points) == expected


def test_time_counts_for_the_node_that_works_and_for_all_around_it() -> None:
    found = explain("topk(2, rate(requests_total[5m])) / on () group_left () sum(limit)")

    nodes = list(found.walk())
    assert all(node.own_seconds >= 0 for node in nodes)
    assert found.seconds == pytest.approx(sum(node.own_seconds for node in nodes))


def test_a_selector_that_stands_twice_is_explained_twice() -> None:
    first, second = explain("limit + limit").children

    assert (first.samples, second.samples) == (7, 7)
    assert first.span != second.span


def test_a_node_says_what_came_from_rollups() -> None:
    storage = RolledStorage(storage_of(SERIES), resolution_ms=MINUTE_MS)

    (selector,) = explain("max_over_time(limit[2m])", storage).children

    assert selector.sources == {"rollups": selector.samples}


def test_values_are_the_same_with_an_explanation() -> None:
    expr = "sum by (job) (rate(requests_total[2m])) > 0.2"
    plain = {"at_ms": 9 * MINUTE_MS, "storage": storage_of(SERIES)}

    explained = Engine().query(expr, **plain, options=QueryOptions(explain=True))  # type: ignore[arg-type]

    usual = Engine().query(expr, **plain)  # type: ignore[arg-type]
    assert list(explained.value.samples()) == list(usual.value.samples())  # type: ignore[union-attr]
