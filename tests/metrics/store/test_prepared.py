"""Statements are planned once a connection, and a pooler between does no harm."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from observability.metrics.store import prepared
from observability.metrics.store.prepared import Statement, fetch

pytestmark = pytest.mark.django_db(transaction=True)

STATEMENT = Statement("SELECT %(left)s + %(right)s, %(left)s", {"left": "int", "right": "bigint"})


@pytest.fixture(autouse=True)
def _at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_is_off", False)


def names() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return [name for (name,) in cursor.fetchall()]


def test_a_statement_is_prepared_once() -> None:
    answers = [fetch(STATEMENT, {"left": 1, "right": right}) for right in (2, 3)]

    assert answers == [[(3, 1)], [(4, 1)]]
    assert names() == [STATEMENT.name]


@pytest.mark.parametrize(
    "meanwhile",
    ["DEALLOCATE ALL", f"DEALLOCATE ALL; PREPARE {STATEMENT.name} AS SELECT 1"],
    ids=["a session that knows nothing", "a session of somebody else"],
)
def test_another_session_behind_the_connection_gives_the_same_answers(meanwhile: str) -> None:
    fetch(STATEMENT, {"left": 1, "right": 2})
    with connection.cursor() as cursor:
        cursor.execute(meanwhile)
    if "PREPARE" in meanwhile:
        prepared._prepared.clear()

    answers = [fetch(STATEMENT, {"left": 1, "right": right}) for right in (2, 3)]

    assert answers == [[(3, 1)], [(4, 1)]]


def test_nothing_is_prepared_in_a_transaction() -> None:
    with transaction.atomic():
        answer = fetch(STATEMENT, {"left": 1, "right": 2})

    assert answer == [(3, 1)]
    assert STATEMENT.name not in names()
