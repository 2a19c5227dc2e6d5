"""Statements that PostgreSQL plans once for each connection, where planning takes longer than running.

A pooler between may hand each statement to another server session, which then does not know what
was prepared. Then they go back to being planned each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from django.db import connection
from django.db.utils import DatabaseError
from psycopg2 import errors

log = structlog.get_logger(__name__)

# What a session answers that does not have the statement, or has it from somebody else.
_STRANGE_SESSION = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)

# The names of what each connection has prepared.
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
_is_off = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A query with named parameters, `%(start)s`, and their types in PostgreSQL."""

    text: str
    types: Mapping[str, str]
    name: str = field(init=False)
    numbered: str = field(init=False)

    def __post_init__(self) -> None:
        """Number the parameters."""
        places = {name: f"${number}" for number, name in enumerate(self.types, start=1)}
        numbered = self.text % places
        object.__setattr__(self, "numbered", numbered)
        digest = hashlib.sha256(numbered.encode()).hexdigest()[:16]
        object.__setattr__(self, "name", f"portal_{digest}")


def fetch(statement: Statement, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    # An error would end the transaction that is open.
    if not _is_off and not connection.in_atomic_block:
        try:
            return _fetch_prepared(statement, parameters)
        except DatabaseError as error:
            if not isinstance(error.__cause__, _STRANGE_SESSION):
                raise
            _turn_off()
    with connection.cursor() as cursor:
        cursor.execute(statement.text, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _fetch_prepared(statement: Statement, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        known = _prepared.setdefault(connection.connection, set())
        if statement.name not in known:
            types = ", ".join(statement.types.values())
            cursor.execute(f"PREPARE {statement.name} ({types}) AS {statement.numbered}")
            known.add(statement.name)
        values = ", ".join(f"%({name})s" for name in statement.types)
        cursor.execute(f"EXECUTE {statement.name} ({values})", parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _turn_off() -> None:
    global _is_off  # noqa: PLW0603 (of the process)
    _is_off = True
    log.info("statements are planned each time, because a pooler is between")
