"""The page on the portal's own PostgreSQL."""

from __future__ import annotations

import psycopg2
import pytest
from django.db import connection
from django.test import Client

from observability.database.state import read_state


@pytest.mark.django_db
def test_the_state_is_read_from_the_server() -> None:
    state = read_state()

    assert state.version.startswith("18")
    assert state.size_bytes > 1_000_000
    assert state.active >= 1
    assert state.max_connections >= 50
    assert state.has_statement_statistics == _has_extension()


def _has_extension() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'")
        (count,) = cursor.fetchone()
    return bool(count)


@pytest.mark.django_db(transaction=True)
def test_the_page_answers_while_a_table_is_locked(admin_client: Client) -> None:
    other = psycopg2.connect(**connection.get_connection_params())
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE metrics_samplelog IN ACCESS EXCLUSIVE MODE")

        response = admin_client.get("/admin/database/")

    other.close()
    assert response.status_code == 200
    assert "PostgreSQL 18" in response.content.decode()
