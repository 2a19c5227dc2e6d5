import os
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

PROGRAMS = ["postgres", "redis", "web", "timely", "bulk", "beat", "watch", "scrape"]


class SharedPortal:
    """One portal for all tests of the module; started again after a test that ended it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.first: PortalProcess | None = None
        self.current: PortalProcess | None = None

    def running(self) -> PortalProcess:
        if self.current is None or self.current.launcher.poll() is not None:
            self.start_again()
        assert self.current is not None
        return self.current

    def start_again(self) -> PortalProcess:
        self.current = PortalProcess.start(self.data_dir)
        self.first = self.first or self.current
        self.current.wait_until_it_runs()
        return self.current


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPortal]:
    shared = SharedPortal(tmp_path_factory.mktemp("portal") / "var")
    yield shared
    if shared.current is not None:
        shared.current.end()


@pytest.fixture
def portal(shared: SharedPortal) -> PortalProcess:
    return shared.running()


def test_first_start_says_where_the_portal_is_and_how_to_get_in(
    portal: PortalProcess, shared: SharedPortal
) -> None:
    assert shared.first is not None
    output = shared.first.output

    assert portal.answers("/admin/login/")
    assert f"http://127.0.0.1:{shared.first.port}/admin/" in output
    assert output.count("name admin, password ") == 1
    assert f"written to files in {portal.data_dir / 'mail'}" in output


def test_statistics_of_statements_are_kept_for_the_portal(portal: PortalProcess) -> None:
    session = psycopg2.connect(embedded_database_url(portal.data_dir))
    with session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_statements")
        (count,) = cursor.fetchone() or (0,)
    session.close()

    assert count > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is advised against")
@pytest.mark.parametrize("worker", ["timely", "bulk"])
def test_a_worker_starts_without_a_warning_about_root(portal: PortalProcess, worker: str) -> None:
    log = portal.data_dir / "logs" / f"{worker}.log"

    wait_for(lambda: " ready." in log.read_text())

    assert "superuser" not in log.read_text()


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_postgresql_comes_back_though_a_folder_above_it_was_closed(portal: PortalProcess) -> None:
    killed = portal.process_of("postgres")
    assert killed is not None
    portal.data_dir.chmod(0o700)

    killed.kill()

    wait_for(lambda: portal.process_of("postgres") not in {None, killed})
    wait_for(lambda: postgres.is_ready(portal.data_dir) and portal.answers("/admin/login/"))


def test_second_start_on_the_same_folder_is_refused_in_one_line(portal: PortalProcess) -> None:
    second = run_until_it_ends(portal.data_dir, free_port())

    assert second.returncode == 1
    assert second.stderr.startswith("error: the portal already runs with DATA_DIR ")
    assert second.stderr.count("\n") == 1
    assert portal.answers()


def test_ctrl_c_stops_everything_in_good_order_and_the_next_start_finds_its_data(
    portal: PortalProcess, shared: SharedPortal
) -> None:
    portal.launcher.send_signal(signal.SIGINT)
    exit_code = portal.launcher.wait(60)
    left = portal.processes()
    postgres_log = (portal.data_dir / "logs" / "postgres.log").read_text()
    next_portal = shared.start_again()

    assert exit_code == 0
    assert left == {}
    assert postgres_log.endswith("database system is shut down\n")
    assert "Made the first user" not in next_portal.output


def test_a_killed_supervisor_ends_the_launcher_and_all_it_started(portal: PortalProcess) -> None:
    portal.supervisor.kill()
    exit_code = portal.launcher.wait(60)

    assert exit_code == 1
    assert portal.output.endswith("all was stopped: start it again\n")
    assert portal.processes() == {}


@pytest.mark.parametrize(
    "with_supervisor", [False, True], ids=["launcher", "launcher-and-supervisor"]
)
def test_next_start_ends_what_a_kill_left_behind_and_nothing_else(
    portal: PortalProcess, shared: SharedPortal, with_supervisor: bool
) -> None:
    left = list(portal.processes())
    supervisor = portal.supervisor
    bystander = subprocess.Popen(["sleep", "600"], cwd=portal.data_dir)
    portal.launcher.kill()
    portal.launcher.wait()
    if with_supervisor:
        supervisor.kill()

    next_portal = shared.start_again()
    bystander_lives = bystander.poll() is None
    bystander.kill()
    bystander.wait()

    assert " processes that an earlier run left behind" in next_portal.output
    assert not any(process.is_running() for process in left if process.pid != supervisor.pid)
    assert bystander_lives


def test_a_stop_during_the_start_leaves_nothing_running(tmp_path: Path) -> None:
    portal = PortalProcess.start(tmp_path / "var")
    wait_for(lambda: "postgres" in portal.processes().values())

    exit_code = portal.end()

    assert exit_code == 0
    assert portal.processes() == {}


@pytest.mark.parametrize("setting", ["PORT", "METRICS_PORT"])
def test_a_busy_port_is_one_clear_line(tmp_path: Path, setting: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        result = run_until_it_ends(tmp_path / "var", free_port(), **{setting: str(port)})

    assert result.returncode == 1
    assert result.stderr == (
        f"error: cannot listen on 127.0.0.1 port {port}: another program listens there; "
        f"stop it, or set {setting} to a free one\n"
    )


def test_one_port_for_two_things_is_one_clear_line(tmp_path: Path) -> None:
    port = free_port()

    result = run_until_it_ends(tmp_path, port, METRICS_PORT=str(port))

    assert result.returncode == 1
    assert result.stderr == f"error: METRICS_PORT and PORT are both {port}; they must differ\n"


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


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EMAIL_URL", "mail.example.com", "EMAIL_URL must be smtp://"),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY must be a whole number from 1 to 64; got '0'"),
        ("TIME_ZONE", "Mars/X", "TIME_ZONE must be a time zone such as Europe/Berlin; got "),
        ("DATABASE_URL", "mysql://u:secret@h/d", "DATABASE_URL must be a URL of the kind postgres"),
        ("DATABASE_URL", "postgresql://u:secret@h:port/d", "DATABASE_URL must be a URL of "),
        ("REDIS_URL", "http://:secret@h", "REDIS_URL must be a URL of the kind redis://... or "),
    ],
    ids=["mail", "web processes", "time zone", "database's kind", "database's port", "Redis"],
)
def test_a_wrong_setting_is_one_clear_line(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    result = run_until_it_ends(tmp_path, free_port(), **{name: value})

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {told}")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr
    assert not postgres_data_dir(tmp_path).exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "postgresql://u:secret@127.0.0.1:{}/d", "no connection to the database: "),
        ("REDIS_URL", "redis://:secret@127.0.0.1:{}/0", "no connection to Redis: "),
        ("REDIS_URL", "redis://:secret@127.0.0.1:{}/0?db=x", "no connection to Redis: "),
        ("ENCRYPTION_KEY", "secret", "ENCRYPTION_KEY must be 32 bytes in URL-safe base64 "),
    ],
    ids=["database", "Redis", "Redis's database", "encryption key"],
)
def test_what_only_a_try_shows_to_be_wrong_is_one_clear_line(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    outside = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}

    result = run_until_it_ends(
        tmp_path, free_port(), **(outside | {name: value.format(free_port())})
    )

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {told}")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


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
