import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from redis import Redis

from observability.embedded.leftovers import find_leftovers, marks
from observability.embedded.locations import PROJECT_DIR
from observability.embedded.servers import Servers, start_servers


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def servers(data_dir: Path) -> Iterator[Servers]:
    servers = start_servers(data_dir)
    yield servers
    servers.stop()


def query(servers: Servers, statement: str) -> list[tuple[object, ...]]:
    session = psycopg2.connect(servers.database_url)
    try:
        with session.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        session.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.track", "all"),
        ("pg_stat_statements.max", "10000"),
        ("listen_addresses", ""),
        ("password_encryption", "scram-sha-256"),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("fsync", "on"),
    ],
    ids=lambda text: str(text) or "none",
)
def test_postgres_is_configured(servers: Servers, setting: str, value: str) -> None:
    assert query(servers, f"SHOW {setting}") == [(value,)]


def test_the_portal_is_no_superuser_but_may_watch_and_end_sessions(servers: Servers) -> None:
    rows = query(
        servers,
        "SELECT rolsuper, pg_has_role('pg_monitor', 'member'), pg_has_role('pg_signal_backend', 'member')"
        " FROM pg_roles WHERE rolname = current_user",
    )

    assert rows == [(False, True, True)]


def test_a_wrong_password_is_refused(servers: Servers) -> None:
    wrong = servers.database_url.replace("portal:", "portal:x", 1)

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)


def test_no_statement_statistics_hold_the_password(servers: Servers) -> None:
    password = servers.database_url.split(":")[2].split("@")[0]

    statements = query(servers, "SELECT query FROM pg_stat_statements")

    assert not [text for (text,) in statements if password in str(text)]


def test_redis_takes_the_password_and_writes_no_files(servers: Servers) -> None:
    with Redis.from_url(servers.redis_url) as client:
        assert client.ping()
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}


def test_what_a_crashed_run_left_is_ended_and_its_data_kept(tmp_path: Path) -> None:
    crash = (
        "import os, sys, pathlib, psycopg2\n"
        "from observability.embedded.servers import start_servers\n"
        "servers = start_servers(pathlib.Path(sys.argv[1]))\n"
        "session = psycopg2.connect(servers.database_url)\n"
        "session.cursor().execute('CREATE TABLE kept AS SELECT 42 AS answer')\n"
        "session.commit()\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", crash, str(tmp_path)], cwd=PROJECT_DIR, check=False)
    left = find_leftovers(tmp_path)
    for process, program in left.items():
        if program == "postgres":
            process.send_signal(signal.SIGKILL)

    servers = start_servers(tmp_path)
    rows = query(servers, "SELECT answer FROM kept")
    servers.stop()

    assert set(left.values()) == {"postgres", "redis"}
    assert rows == [(42,)]
    assert find_leftovers(tmp_path) == {}


def test_only_processes_marked_with_this_very_folder_are_leftovers(tmp_path: Path) -> None:
    environments = {
        "ours": marks(tmp_path, "web"),
        "of a folder below": marks(tmp_path / "var", "web"),
        "unmarked": {},
    }
    processes = {
        name: subprocess.Popen(["sleep", "60"], cwd=tmp_path, env={**os.environ, **extra})
        for name, extra in environments.items()
    }

    found = {process.pid: program for process, program in find_leftovers(tmp_path).items()}
    for process in processes.values():
        process.kill()
        process.wait()

    assert found == {processes["ours"].pid: "web"}
