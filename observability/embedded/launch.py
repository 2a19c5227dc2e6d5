"""`make run`: check, prepare, start everything, say where it is, and stop it again."""

import errno
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from observability.embedded import postgres, redis
from observability.embedded.account import postgres_account
from observability.embedded.data_folder import DataFolderLock, check_writable, make_folders
from observability.embedded.errors import EmbeddedError
from observability.embedded.leftovers import end_leftovers, marks
from observability.embedded.locations import PROJECT_DIR, log_dir, postgres_data_dir
from observability.embedded.programs import POSTGRES, REDIS, WEB, WORK, Program
from observability.embedded.supervision import Supervisor
from observability.embedded.waiting import wait_until
from observability.environment import (
    DATABASE_SCHEMES,
    REDIS_SCHEMES,
    Environment,
    InvalidSettingError,
)

_WEB_SECONDS = 120
# A database that was killed replays its log before it answers.
_SERVER_SECONDS = 600
_PATIENCE_WITH_FAILING_SECONDS = 8

_END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What only the preparation needs is kept from the long-running processes.
_ONLY_FOR_PREPARATION = ("ADMIN_PASSWORD", "BOOTSTRAP_API_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What an operator asked for when starting the portal."""

    data_dir: Path
    bind: str
    port: int
    metrics_port: int
    """The exposition's own port, 0 for none."""
    external_url: str
    mail: str
    servers: tuple[Program, ...]
    """The embedded servers to run; fewer when URLs of outside ones are given."""

    @property
    def programs(self) -> tuple[Program, ...]:
        """All programs of this portal, in the order of their start."""
        return (*self.servers, WEB, *WORK)


def run() -> int:
    """Run the portal until it is told to stop; return the exit code."""
    try:
        launch = read_launch(Environment())
        check_writable(launch.data_dir)
        with DataFolderLock(launch.data_dir) as lock, _interrupted_by_signals():
            return _run_locked(launch, lock)
    except (EmbeddedError, InvalidSettingError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def read_launch(environment: Environment) -> Launch:
    """Return what the environment asks for."""
    data_dir = environment.path("DATA_DIR", PROJECT_DIR / "var")
    bind = environment.text("BIND", "127.0.0.1")
    port = environment.integer("PORT", 8000, minimum=1, maximum=65535)
    metrics_port = environment.integer("METRICS_PORT", 0, minimum=1, maximum=65535)
    if metrics_port == port:
        raise InvalidSettingError(f"METRICS_PORT and PORT are both {port}; they must differ")
    mail_server = environment.mail_server()
    mail = (
        f"sent through {mail_server.host}:{mail_server.port}"
        if mail_server
        else f"written to files in {data_dir / 'mail'}; set EMAIL_URL to have it sent"
    )
    # Read by others alone, who would end with a wrong value again and again.
    environment.integer("WEB_CONCURRENCY", 2, minimum=1, maximum=64)
    environment.time_zone("TIME_ZONE", "UTC")
    servers = []
    if not environment.server_url("DATABASE_URL", schemes=DATABASE_SCHEMES):
        servers.append(POSTGRES)
    if not environment.server_url("REDIS_URL", schemes=REDIS_SCHEMES):
        servers.append(REDIS)
    return Launch(
        data_dir=data_dir,
        bind=bind,
        port=port,
        metrics_port=metrics_port,
        external_url=environment.url("EXTERNAL_URL", "", schemes=("http", "https")),
        mail=mail,
        servers=tuple(servers),
    )


def _run_locked(launch: Launch, lock: DataFolderLock) -> int:
    supervisor: Supervisor | None = None
    try:
        _check_and_clear(launch)
        _prepare_servers(launch)
        supervisor = Supervisor.start(launch.data_dir, launch.programs, _environment(launch))
        _start_programs(launch, supervisor)
        supervisor.process.wait()
        raise EmbeddedError("the supervisor ended unexpectedly, all was stopped: start it again")
    except KeyboardInterrupt:
        _say("\nStopping ...")
        return 0
    finally:
        _ignore_signals()
        lock.announce_stop()
        if supervisor is not None:
            supervisor.stop()
        end_leftovers(launch.data_dir)


def _check_and_clear(launch: Launch) -> None:
    if POSTGRES in launch.servers:
        postgres.check_version(launch.data_dir)
    if count := end_leftovers(launch.data_dir):
        _say(f"Ended {count} processes that an earlier run left behind.")
    _check_address(launch.bind, launch.port, setting="PORT")
    if launch.metrics_port:
        _check_address(launch.bind, launch.metrics_port, setting="METRICS_PORT")


def _check_address(bind: str, port: int, *, setting: str) -> None:
    """Raise `EmbeddedError` when nothing can listen on the address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        advice = {
            errno.EADDRINUSE: f"another program listens there; stop it, or set {setting} to a free one",
            errno.EACCES: f"ports below 1024 need root; set {setting} to a higher one",
        }.get(error.errno or 0, f"{error.strerror}; set BIND to an address of this machine")
        raise EmbeddedError(f"cannot listen on {bind} port {port}: {advice}") from error


def _prepare_servers(launch: Launch) -> None:
    account = postgres_account(launch.data_dir)
    make_folders(launch.data_dir, account)
    if POSTGRES in launch.servers:
        if not (cluster := postgres_data_dir(launch.data_dir)).exists():
            _say(f"Making the PostgreSQL {postgres.MAJOR_VERSION} database in {cluster} ...")
        if opened := postgres.open_paths(launch.data_dir, account):
            folders = ", ".join(map(str, opened))
            _say(
                f"Gave search permission (o+x) on {folders}, as PostgreSQL runs as {account.name}."
            )
        postgres.prepare_cluster(launch.data_dir, account)
    if REDIS in launch.servers:
        redis.binary()
        redis.configure(launch.data_dir)


def _start_programs(launch: Launch, supervisor: Supervisor) -> None:
    compiling = _start_compiling(launch)
    for server in launch.servers:
        supervisor.start_program(server)
    if POSTGRES in launch.servers:
        _wait(launch, supervisor, POSTGRES, postgres.is_ready, seconds=_SERVER_SECONDS)
        postgres.prepare_database(launch.data_dir)
    if REDIS in launch.servers:
        _wait(launch, supervisor, REDIS, redis.is_ready, seconds=_SERVER_SECONDS)
    _prepare_portal(launch)
    with suppress(subprocess.TimeoutExpired):
        compiling.wait(_WEB_SECONDS)
    supervisor.start_program(WEB)
    _wait(launch, supervisor, WEB, lambda _: _is_live(launch), seconds=_WEB_SECONDS)
    for program in WORK:
        supervisor.start_program(program)
    _say(_welcome(launch))


def _wait(
    launch: Launch,
    supervisor: Supervisor,
    program: Program,
    is_ready: Callable[[Path], bool],
    *,
    seconds: float,
) -> None:
    log = log_dir(launch.data_dir) / f"{program.name}.log"
    last_good = time.monotonic()

    def keeps_failing() -> bool:
        nonlocal last_good
        if not supervisor.is_failing(program):
            last_good = time.monotonic()
        return time.monotonic() - last_good > _PATIENCE_WITH_FAILING_SECONDS

    wait_until(
        lambda: is_ready(launch.data_dir),
        seconds=seconds,
        otherwise=f"{program.name} does not start, see {log}",
        stop_early=keeps_failing,
    )


def _start_compiling(launch: Launch) -> subprocess.Popen[bytes]:
    """Have the web processes' compiled code made, while the servers start and the portal is prepared.

    It is there already unless this is the first start. If it fails, they compile it themselves.
    """
    with (log_dir(launch.data_dir) / "compile.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "observability.metrics.compiled_code"],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                "DATA_DIR": str(launch.data_dir),
                **marks(launch.data_dir, "compile"),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _prepare_portal(launch: Launch) -> None:
    """Have the tables, static files, first admin and keys made or brought up to date."""
    log = log_dir(launch.data_dir) / "prepare.log"
    with log.open("wb") as output:
        result = subprocess.run(
            [sys.executable, "manage.py", "prepare"],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                "DATA_DIR": str(launch.data_dir),
                **marks(launch.data_dir, "prepare"),
            },
            stdin=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
            check=False,
        )
    if result.returncode != 0:
        raise EmbeddedError(_reason(log))


def _reason(log: Path) -> str:
    """Return in one line why the preparation failed, given what it wrote."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason was given")
    for prefix in ("error: ", "CommandError: "):
        if last.startswith(prefix):
            return last.removeprefix(prefix)
    return f"the portal could not be prepared: {last}; see {log}"


def _is_live(launch: Launch) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(launch.bind, launch.bind)  # noqa: S104
    client = http.client.HTTPConnection(host, launch.port, timeout=10)
    try:
        client.request("GET", "/health/live")
        return client.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def _environment(launch: Launch) -> dict[str, str]:
    """Return the environment of the supervisor and of all that it runs."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _ONLY_FOR_PREPARATION and not name.startswith("SUPERVISOR_")
    }
    return {**kept, "DATA_DIR": str(launch.data_dir), "PYTHONUNBUFFERED": "1"}


def _welcome(launch: Launch) -> str:
    host = f"[{launch.bind}]" if ":" in launch.bind else launch.bind
    url = launch.external_url or f"http://{host}:{launch.port}"
    return f"""
The portal runs; Ctrl-C stops it.
  Open    {url}/admin/
  Login   admin; a new password: .venv/bin/python manage.py reset_admin_password
  E-mail  {launch.mail}
  Data    {launch.data_dir}, with logs in {log_dir(launch.data_dir)}
"""


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Have the signals that ask for an end raise `KeyboardInterrupt`, once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    # SIGINT too: a shell starts background jobs with it ignored.
    before = {number: signal.signal(number, interrupt) for number in _END_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in _END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
