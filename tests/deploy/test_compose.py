from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis as redis_client

from observability.embedded import postgres, redis
from observability.embedded.locations import DATABASE_NAME, DATABASE_USER, make_secrets, socket_dir
from observability.embedded.programs import PROGRAMS
from observability.embedded.servers import prepare_servers
from observability.embedded.waiting import wait_until
from tests.deploy.compose import PATH, read_compose, services
from tests.setting_names import read_settings

SERVERS = {"postgres", "redis"}
PORTAL = sorted(set(PROGRAMS) - SERVERS)


def test_file_follows_the_compose_specification() -> None:
    arguments = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(PATH)]

    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_services_are_the_programs_of_make_run() -> None:
    only_in_containers = {"migrate", "prometheus"}

    assert set(services()) - only_in_containers == set(PROGRAMS)


@pytest.mark.parametrize("name", PORTAL)
def test_command_is_that_of_make_run(name: str) -> None:
    interpreter, *arguments = PROGRAMS[name].command(Path("/data"))

    assert interpreter == sys.executable
    assert services()[name]["command"] == ["python", *arguments]


@pytest.mark.parametrize("name", PORTAL)
def test_process_starts_once_the_database_is_prepared(name: str) -> None:
    conditions = {on: how["condition"] for on, how in services()[name]["depends_on"].items()}

    assert conditions == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
    }


@pytest.mark.parametrize("name", PORTAL)
def test_processes_share_the_data_folder(name: str) -> None:
    assert services()[name]["volumes"] == ["data:/data"]


@pytest.mark.parametrize("name", sorted(services()))
def test_service_is_limited_and_comes_back(name: str) -> None:
    service = services()[name]

    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert name == "migrate" or "test" in service.get("healthcheck", {}) or name == "web"


def test_no_secret_has_a_default() -> None:
    references = re.findall(r"\$\{(\w+)([^}]*)\}", PATH.read_text(encoding="utf-8"))
    secret = {
        name: rest for name, rest in references if re.search("PASSWORD|SECRET|KEY|TOKEN", name)
    }

    assert secret == {name: f":?set {name}" for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD")}
    assert all(list(source) == ["environment"] for source in read_compose()["secrets"].values())


@pytest.mark.parametrize("name", [*PORTAL, "migrate"])
def test_environment_holds_settings_that_exist(name: str) -> None:
    given = {setting.removesuffix("_FILE") for setting in services()[name]["environment"]}

    assert given - read_settings() == {"PORTAL_URL"}


def test_postgres_counts_all_statements() -> None:
    command = services()["postgres"]["command"]

    assert command[0] == "postgres"
    assert {
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track=all",
        "pg_stat_statements.max=10000",
    } <= set(command)


def test_redis_takes_its_password_and_the_settings_of_make_run(tmp_path: Path) -> None:
    secret, socket = tmp_path / "redis_password", tmp_path / "redis.sock"
    secret.write_text("correct horse\n", encoding="ascii")
    shell, flag, script = services()["redis"]["command"]
    script = script.replace("$$", "$").replace("/run/secrets/redis_password", str(secret))
    script = script.replace("\nsave", f"\nport 0\nunixsocket {socket}\nsave", 1)
    make_secrets(tmp_path)
    redis.configure(tmp_path)
    embedded = (tmp_path / "redis" / "redis.conf").read_text(encoding="utf-8")

    server = subprocess.Popen(
        [shell, flag, script],
        env={**os.environ, "PATH": f"{redis.binary().parent}:{os.environ['PATH']}"},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(socket.exists, seconds=20, otherwise="redis does not start")
        with redis_client.Redis(
            unix_socket_path=str(socket), password="correct horse", decode_responses=True
        ) as client:
            wanted = ["save", "appendonly", "maxmemory", "maxmemory-policy"]
            found = {name: client.config_get(name)[name] for name in wanted}
    finally:
        server.terminate()
        server.wait(20)

    assert found == {
        "save": "",
        "appendonly": "no",
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "volatile-lru",
    }
    for line in ('save ""', "appendonly no", "maxmemory 256mb", "maxmemory-policy volatile-lru"):
        assert f"{line}\n" in embedded
        assert f"{line}\n" in script


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Path]:
    """A PostgreSQL that holds nothing of the portal's yet, as the image makes it."""
    account = prepare_servers(tmp_path, durable=False)
    other = None if account.is_current else account
    with (tmp_path / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            postgres.command(tmp_path),
            stderr=log,
            cwd="/",
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
        )
    try:
        wait_until(
            lambda: postgres.is_ready(tmp_path), seconds=60, otherwise="postgres does not start"
        )
        yield tmp_path
    finally:
        server.terminate()
        server.wait(60)


def test_postgres_is_prepared_as_by_make_run(new_cluster: Path) -> None:
    host = str(socket_dir(new_cluster))
    programs = postgres.binary("psql").parent
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": host,
        "POSTGRES_USER": postgres.SUPERUSER,
        "POSTGRES_PASSWORD": "it's a secret",
    }

    subprocess.run(
        ["sh", str(PATH.parent / "postgres" / "portal.sh")],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )

    session = psycopg2.connect(
        host=host, dbname=DATABASE_NAME, user=DATABASE_USER, password="it's a secret"
    )
    try:
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper, rolcreatedb, pg_has_role('pg_monitor', 'MEMBER'),"
                " pg_has_role('pg_signal_backend', 'MEMBER') FROM pg_roles WHERE rolname = %s",
                [DATABASE_USER],
            )
            assert cursor.fetchone() == (False, True, True, True)
            cursor.execute("SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%secret%'")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT pg_stat_statements_reset() IS NOT NULL")
            assert cursor.fetchone() == (True,)
    finally:
        session.close()
