"""The programs that make up a running portal, and the command line of each."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from observability.embedded import postgres, redis
from observability.embedded.account import postgres_account
from observability.embedded.leftovers import DATA_DIR_MARK, PROGRAM_MARK, end_leftovers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process that the supervisor keeps running."""

    name: str
    command: Callable[[Path], list[str]]
    """Returns the command line for a data folder."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int
    """How long it may take to stop in good order before it is killed."""


def _python(module: str, *arguments: str) -> Callable[[Path], list[str]]:
    return lambda _: [sys.executable, "-m", module, *arguments]


def _worker(queue: str, *, processes: int) -> Callable[[Path], list[str]]:
    return _python(
        *("celery", "--app", "observability.celery", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@%h", "--concurrency", str(processes)),
        # Talk between workers that nothing here listens to.
        *("--without-gossip", "--without-mingle"),
    )


POSTGRES = Program(
    name="postgres",
    command=postgres.command,
    stop_signal=signal.SIGINT,  # "fast": ends sessions, then writes a checkpoint
    stop_seconds=60,
)
REDIS = Program(name="redis", command=redis.command, stop_seconds=10)
WEB = Program(
    name="web",
    command=_python(
        "gunicorn", "--config", "deploy/gunicorn.conf.py", "observability.wsgi:application"
    ),
    stop_seconds=20,
)
WORK = (
    Program(name="timely", command=_worker("timely", processes=2), stop_seconds=30),
    Program(name="bulk", command=_worker("bulk", processes=1), stop_seconds=30),
    Program(
        name="beat",
        command=_python(
            *("celery", "--app", "observability.celery", "beat", "--loglevel", "INFO"),
            "--pidfile=",  # a file left behind by a kill -9 would keep beat from starting
        ),
        stop_seconds=10,
    ),
    Program(
        name="watch", command=lambda _: [sys.executable, "manage.py", "watch"], stop_seconds=10
    ),
    # Scrapes that last longer than this are cut off; their targets are due again soon.
    Program(
        name="scrape", command=lambda _: [sys.executable, "manage.py", "scrape"], stop_seconds=15
    ),
)
PROGRAMS = {program.name: program for program in (POSTGRES, REDIS, WEB, *WORK)}


def become(name: str) -> None:
    """Turn this process, started by the supervisor, into a program.

    What a killed predecessor left running (gunicorn's workers on the port, PostgreSQL's
    backends in the shared memory) would be in the way, and is ended first.
    """
    program = PROGRAMS[name]
    data_dir = Path(os.environ[DATA_DIR_MARK])
    end_leftovers_of(data_dir, name)
    command = program.command(data_dir)
    os.environ[PROGRAM_MARK] = name
    if program is POSTGRES:
        account = postgres_account(data_dir)
        # Somebody may have closed a folder above since the portal was started.
        postgres.open_paths(data_dir, account)
        if not account.is_current:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
    os.execv(command[0], command)  # noqa: S606 - a command of ours, without a shell
