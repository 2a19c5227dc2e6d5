import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from observability.embedded import postgres, redis
from observability.embedded.locations import embedded_database_url, postgres_data_dir
from tests.embedded.portal_process import (
    PortalProcess,
    free_port,
    run_until_it_ends,
    wait_for,
)

PROGRAMS = ["postgres", "redis", "web", "timely", "bulk", "beat", "watch"]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    portal = PortalProcess.start(tmp_path_factory.mktemp("portal") / "var")
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


@pytest.fixture(scope="module")
def stopped_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that a portal has been started and stopped in, for warm starts."""
    data_dir = tmp_path_factory.mktemp("stopped") / "var"
    portal = PortalProcess.start(data_dir, ADMIN_PASSWORD="a-password-of-the-operator")
    portal.wait_until_it_runs()
    portal.end()
    return data_dir


@pytest.fixture
def warm_portal(stopped_data_dir: Path) -> Iterator[PortalProcess]:
    portal = PortalProcess.start(stopped_data_dir)
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


def test_first_start_serves_the_login_page_and_says_how_to_get_in(portal: PortalProcess) -> None:
    assert portal.answers("/admin/login/")

    output = portal.output
    assert f"http://127.0.0.1:{portal.port}/admin/" in output
    assert "name admin, password " in output
    assert f"written to files in {portal.data_dir / 'mail'}" in output


def test_statistics_of_statements_are_kept_for_the_portal(portal: PortalProcess) -> None:
    session = psycopg2.connect(embedded_database_url(portal.data_dir))
    with session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_statements")
        (count,) = cursor.fetchone() or (0,)
    session.close()

    assert count > 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_killed_process_comes_back(portal: PortalProcess, program: str) -> None:
    wait_for(lambda: portal.process_of(program) is not None)
    killed = portal.process_of(program)
    assert killed is not None

    killed.kill()

    wait_for(lambda: portal.process_of(program) not in {None, killed})
    wait_for(
        lambda: (
            postgres.is_ready(portal.data_dir)
            and redis.is_ready(portal.data_dir)
            and portal.answers("/admin/login/")
        )
    )


def test_second_start_on_the_same_folder_is_refused_in_one_line(portal: PortalProcess) -> None:
    second = run_until_it_ends(portal.data_dir, free_port())

    assert second.returncode == 1
    assert second.stderr.startswith("error: the portal already runs with DATA_DIR ")
    assert second.stderr.count("\n") == 1
    assert portal.answers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_everything_in_good_order(
    warm_portal: PortalProcess, number: signal.Signals
) -> None:
    warm_portal.launcher.send_signal(number)
    exit_code = warm_portal.launcher.wait(60)

    assert exit_code == 0
    assert warm_portal.processes() == {}
    assert (
        "database system is shut down"
        in (warm_portal.data_dir / "logs" / "postgres.log").read_text()
    )


def test_warm_start_keeps_the_first_admin(warm_portal: PortalProcess) -> None:
    session = psycopg2.connect(embedded_database_url(warm_portal.data_dir))
    with session.cursor() as cursor:
        cursor.execute("SELECT username FROM auth_user WHERE is_superuser")
        users = cursor.fetchall()
    session.close()

    assert users == [("admin",)]
    assert "Made the first user" not in warm_portal.output


def test_a_killed_supervisor_ends_the_launcher_and_all_it_started(
    warm_portal: PortalProcess,
) -> None:
    supervisor = next(p for p, name in warm_portal.processes().items() if name == "supervisor")

    supervisor.kill()
    exit_code = warm_portal.launcher.wait(60)

    assert exit_code == 1
    assert warm_portal.output.endswith("was stopped: start it again\n")
    assert warm_portal.processes() == {}


@pytest.mark.parametrize(
    "killed",
    [{"launcher"}, {"launcher", "supervisor"}],
    ids=["launcher", "launcher-and-supervisor"],
)
def test_next_start_ends_what_a_kill_left_behind(
    warm_portal: PortalProcess, killed: set[str]
) -> None:
    left = list(warm_portal.processes())
    supervisor = next(p for p, name in warm_portal.processes().items() if name == "supervisor")
    bystander = subprocess.Popen(["sleep", "600"], cwd=warm_portal.data_dir)
    warm_portal.launcher.kill()
    warm_portal.launcher.wait()
    if "supervisor" in killed:
        supervisor.kill()

    try:
        next_portal = PortalProcess.start(warm_portal.data_dir)
        next_portal.wait_until_it_runs()

        assert " processes that an earlier run left behind" in next_portal.output
        assert not any(process.is_running() for process in left)
        assert bystander.poll() is None
    finally:
        next_portal.end()
        bystander.kill()
        bystander.wait()


def test_a_stop_during_the_start_leaves_nothing_running(stopped_data_dir: Path) -> None:
    portal = PortalProcess.start(stopped_data_dir)
    wait_for(lambda: "postgres" in portal.processes().values())

    exit_code = portal.end()

    assert exit_code == 0
    assert portal.processes() == {}


def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        result = run_until_it_ends(tmp_path / "var", port)

    assert result.returncode == 1
    assert result.stderr == (
        f"error: cannot listen on 127.0.0.1 port {port}: another program listens there; "
        "stop it, or set PORT to a free one\n"
    )


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = run_until_it_ends(tmp_path / "file" / "var", free_port())

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: DATA_DIR {tmp_path}/file/var cannot be written to")
    assert result.stderr.count("\n") == 1


def test_a_folder_of_another_major_version_is_left_alone_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    cluster = postgres_data_dir(tmp_path)
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("15\n")

    result = run_until_it_ends(tmp_path, free_port())

    assert result.returncode == 1
    assert "is of PostgreSQL 15, this release runs 18: dump it" in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    result = run_until_it_ends(tmp_path, free_port(), EMAIL_URL="mail.example.com")

    assert result.returncode == 1
    assert result.stderr.startswith("error: EMAIL_URL must be ")
    assert result.stderr.count("\n") == 1


def test_an_outside_database_that_does_not_answer_is_told_without_a_traceback(
    tmp_path: Path,
) -> None:
    url = f"postgresql://portal:secret@127.0.0.1:{free_port()}/portal"

    result = run_until_it_ends(tmp_path, free_port(), DATABASE_URL=url)

    assert result.returncode == 1
    assert "no connection to the database" in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr
    assert not postgres_data_dir(tmp_path).exists()


def test_a_portal_with_outside_servers_starts_none_of_its_own(
    portal: PortalProcess, tmp_path: Path
) -> None:
    urls = {
        "DATABASE_URL": embedded_database_url(portal.data_dir),
        "REDIS_URL": f"unix://:{_redis_password(portal)}@{portal.data_dir}/sockets/redis.sock?db=9",
    }
    second = PortalProcess.start(tmp_path / "var", **urls)
    second.wait_until_it_runs()

    programs = set(second.processes().values())
    second.end()

    assert programs >= {"supervisor", "web"}
    assert not programs & {"postgres", "redis"}


def _redis_password(portal: PortalProcess) -> str:
    return (portal.data_dir / "secrets" / "redis_password").read_text().strip()
