"""PostgreSQL and Redis without the supervisor, for tests and tools: started, used, stopped."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from observability.embedded import postgres, redis
from observability.embedded.account import Account, postgres_account
from observability.embedded.data_folder import DataFolderLock, check_writable, make_folders
from observability.embedded.errors import EmbeddedError
from observability.embedded.leftovers import end_leftovers, marks
from observability.embedded.locations import (
    embedded_database_url,
    embedded_redis_url,
    log_dir,
)

_START_SECONDS = 60
_STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Servers:
    """A running PostgreSQL and Redis."""

    database_url: str
    redis_url: str
    stop: Callable[[], None] = field(repr=False)
    """Stops both, PostgreSQL last, and waits for their end; harmless to repeat."""


def start_servers(data_dir: Path, *, durable: bool = True) -> Servers:
    """Start PostgreSQL and Redis in `data_dir` and return once both answer.

    What an earlier run that crashed left running there is ended first.

    Args:
        data_dir: A data folder of its own, made when missing.
        durable: False trades safety against a crash for speed; for tests only.
    """
    data_dir = data_dir.resolve()
    check_writable(data_dir)
    with ExitStack() as stack:
        stack.enter_context(DataFolderLock(data_dir))
        end_leftovers(data_dir)
        account = prepare_servers(data_dir, durable=durable)
        _run_postgres(data_dir, account, stack)
        _run_redis(data_dir, stack)
        postgres.prepare_database(data_dir)
        stop = stack.pop_all().close
    return Servers(embedded_database_url(data_dir), embedded_redis_url(data_dir), stop)


def run_with_servers(command: Sequence[str]) -> int:
    """Run `command` with servers that live only as long; return its exit code.

    It finds them through DATABASE_URL and REDIS_URL; the database is empty.
    """
    with tempfile.TemporaryDirectory(prefix="portal-") as folder, ExitStack() as stack:
        servers = start_servers(Path(folder), durable=False)
        stack.callback(servers.stop)
        addresses = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        return subprocess.run(command, env=os.environ | addresses, check=False).returncode


def prepare_servers(data_dir: Path, *, durable: bool = True) -> Account:
    """Make the folders, secrets, cluster and configurations; return who PostgreSQL runs as."""
    account = postgres_account(data_dir)
    make_folders(data_dir, account)
    postgres.open_paths(data_dir, account)
    postgres.prepare_cluster(data_dir, account, durable=durable)
    redis.configure(data_dir)
    return account


def _run_postgres(data_dir: Path, account: Account, stack: ExitStack) -> None:
    process = _spawn(data_dir, "postgres", postgres.command(data_dir), account)
    stack.callback(_stop, process, signal.SIGINT)
    _wait(data_dir, "postgres", process, postgres.is_ready)


def _run_redis(data_dir: Path, stack: ExitStack) -> None:
    process = _spawn(data_dir, "redis", redis.command(data_dir), None)
    stack.callback(_stop, process, signal.SIGTERM)
    _wait(data_dir, "redis", process, redis.is_ready)


def _spawn(
    data_dir: Path, program: str, command: list[str], account: Account | None
) -> subprocess.Popen[bytes]:
    other = account if account is not None and not account.is_current else None
    with (log_dir(data_dir) / f"{program}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=os.environ | marks(data_dir, program),
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
            start_new_session=True,  # Ctrl-C in a terminal is for the tests, which stop the servers
        )


def _wait(
    data_dir: Path,
    program: str,
    process: subprocess.Popen[bytes],
    is_ready: Callable[[Path], bool],
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready(data_dir):
        if process.poll() is not None or time.monotonic() > deadline:
            raise EmbeddedError(f"{program} does not start, see {log_dir(data_dir)}/{program}.log")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
