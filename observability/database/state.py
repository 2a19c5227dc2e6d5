"""How the portal's own PostgreSQL does, in figures that cost the server next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """A PostgreSQL server and the portal's database in it.

    Attributes:
        version: As the server names itself, such as `18.1`.
        started_at: Since when it runs.
        size_bytes: Of the portal's database.
        active: Connections that execute something.
        idle: Connections that wait for their client.
        waiting: Active connections that wait for a lock.
        max_connections: What the server allows.
        cache_hit_ratio: Share of block reads that shared memory answered, 0 to 1; None before the first.
        has_statement_statistics: Whether `pg_stat_statements` is installed in the database.
    """

    version: str
    started_at: datetime
    size_bytes: int
    active: int
    idle: int
    waiting: int
    max_connections: int
    cache_hit_ratio: float | None
    has_statement_statistics: bool


def read_state() -> DatabaseState:
    """Return the state of the portal's database, read without a lock on any table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT current_setting('server_version'),
                   pg_postmaster_start_time(),
                   pg_database_size(current_database()),
                   current_setting('max_connections')::int,
                   activity.active, activity.idle, activity.waiting,
                   statistics.blks_hit::float8 / nullif(statistics.blks_hit + statistics.blks_read, 0),
                   EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')
            FROM pg_stat_database AS statistics,
                 (SELECT count(*) FILTER (WHERE state = 'active') AS active,
                         count(*) FILTER (WHERE state LIKE 'idle%%') AS idle,
                         count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') AS waiting
                  FROM pg_stat_activity WHERE backend_type = 'client backend') AS activity
            WHERE statistics.datname = current_database()
            """,
            [],
        )
        row = cursor.fetchone()
    version, started_at, size, limit, active, idle, waiting, ratio, has_statements = row
    return DatabaseState(
        version=version.split()[0],
        started_at=started_at,
        size_bytes=size,
        max_connections=limit,
        active=active,
        idle=idle,
        waiting=waiting,
        cache_hit_ratio=ratio,
        has_statement_statistics=has_statements,
    )
