"""`/api/v1/format_query` and `/api/v1/parse_query`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> dict[str, str]:
    """Return the headers of a client that may read."""
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])
    return {"Authorization": f"Bearer {token}"}


def parsed(client: Client, query: str, reader: dict[str, str]) -> dict[str, Any]:
    answer = client.get("/api/v1/parse_query", {"query": query}, headers=reader).json()
    assert answer["status"] == "success"
    tree: dict[str, Any] = answer["data"]
    return tree


def test_a_short_query_is_formatted_on_one_line(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/format_query", {"query": "sum(up)by(job)>0"}, headers=reader)

    assert response.content == b'{"status":"success","data":"sum by (job) (up) \\u003e 0"}'


def test_a_posted_long_query_is_formatted_over_lines(
    client: Client, reader: dict[str, str]
) -> None:
    query = f"sum(rate({'a' * 60}[5m])) / sum(rate({'b' * 60}[5m]))"

    answer = client.post("/api/v1/format_query", {"query": query}, headers=reader).json()

    assert answer["data"] == (f"  sum(rate({'a' * 60}[5m]))\n/\n  sum(rate({'b' * 60}[5m]))")


@pytest.mark.parametrize("path", ["format_query", "parse_query"])
def test_what_is_no_query_is_refused(client: Client, reader: dict[str, str], path: str) -> None:
    response = client.get(f"/api/v1/{path}", {"query": "sum("}, headers=reader)

    assert response.status_code == 400
    assert response.json()["error"].startswith('invalid parameter "query": 1:5: parse error: ')


def test_keys_of_a_tree_are_sorted(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/parse_query", {"query": "-(1)"}, headers=reader)

    assert response.content == (
        b'{"status":"success","data":{"expr":{"expr":{"type":"numberLiteral","val":"1"},'
        b'"type":"parenExpr"},"op":"-","type":"unaryExpr"}}'
    )


def test_a_selector_names_its_matchers_and_modifiers(
    client: Client, reader: dict[str, str]
) -> None:
    query = 'up{job!~"a|b"}[5m] smoothed @ 1.5 offset -1m'

    assert parsed(client, query, reader) == {
        "type": "matrixSelector",
        "name": "up",
        "matchers": [
            {"name": "job", "type": "!~", "value": "a|b"},
            {"name": "__name__", "type": "=", "value": "up"},
        ],
        "range": 300_000,
        "rangeExpr": None,
        "offset": -60_000,
        "offsetExpr": None,
        "timestamp": 1_500,
        "startOrEnd": None,
        "anchored": False,
        "smoothed": True,
    }


def test_operators_say_how_vectors_are_matched(client: Client, reader: dict[str, str]) -> None:
    query = "a > bool on (x) group_left (y) fill_right (2.5) b"

    tree = parsed(client, query, reader)

    assert (tree["type"], tree["op"], tree["bool"]) == ("binaryExpr", ">", True)
    assert (tree["lhs"]["name"], tree["rhs"]["name"]) == ("a", "b")
    assert tree["matching"] == {
        "card": "many-to-one",
        "labels": ["x"],
        "on": True,
        "include": ["y"],
        "fillValues": {"lhs": None, "rhs": 2.5},
    }


@pytest.mark.parametrize(
    ("query", "card"),
    [("a + b", "one-to-one"), ("a and b", "many-to-many"), ("a + 1", None), ("1 + 1", None)],
)
def test_only_vectors_are_matched(
    client: Client, reader: dict[str, str], query: str, card: str | None
) -> None:
    matching = parsed(client, query, reader)["matching"]

    assert (matching and matching["card"]) == card


def test_calls_and_aggregations_name_what_they_take(client: Client, reader: dict[str, str]) -> None:
    tree = parsed(client, 'topk without (a) (3, label_join(up, "x", ","))', reader)

    call = tree.pop("expr")
    assert tree == {
        "type": "aggregation",
        "op": "topk",
        "param": {"type": "numberLiteral", "val": "3"},
        "grouping": ["a"],
        "without": True,
    }
    assert [arg["type"] for arg in call["args"]] == [
        "vectorSelector", "stringLiteral", "stringLiteral",
    ]  # fmt: skip
    assert call["func"] == {
        "name": "label_join",
        "argTypes": ["vector", "string", "string", "string"],
        "variadic": -1,
        "returnType": "vector",
    }


def test_subqueries_and_duration_expressions_are_taken_apart(
    client: Client, reader: dict[str, str]
) -> None:
    tree = parsed(client, "up[(1h):-step() * 2] @ end()", reader)

    assert (tree["type"], tree["range"], tree["step"]) == ("subquery", 0, 0)
    assert (tree["startOrEnd"], tree["timestamp"]) == ("end", None)
    hour = {"type": "numberLiteral", "val": "3600", "duration": True}
    assert tree["rangeExpr"] == {
        "type": "durationExpr", "op": "+", "lhs": None, "rhs": hour, "wrapped": True,
    }  # fmt: skip
    step = {"type": "durationExpr", "op": "step", "lhs": None, "rhs": None, "wrapped": False}
    assert tree["stepExpr"] == {
        "type": "durationExpr",
        "op": "*",
        "lhs": {"type": "durationExpr", "op": "-", "lhs": None, "rhs": step, "wrapped": False},
        "rhs": {"type": "numberLiteral", "val": "2", "duration": False},
        "wrapped": False,
    }
