"""Processes of the portal that outlived their supervisor: finding exactly them, and ending them.

Every process is started with two marks in its environment: the data folder it belongs to and
the program it is. PostgreSQL's processes overwrite theirs, so they are known by the cluster's
folder as their working directory. Nothing else is ever signalled.
"""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from observability.embedded.locations import postgres_data_dir
from observability.embedded.postgres import remove_stale_locks

DATA_DIR_MARK = "PORTAL_DATA_DIR"
PROGRAM_MARK = "PORTAL_PROGRAM"

_SUPERVISOR_SECONDS = 120
_SECONDS_BY_SIGNAL = ((signal.SIGTERM, 10), (signal.SIGKILL, 10))
_POSTGRES_SECONDS_BY_SIGNAL = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))


def marks(data_dir: Path, program: str) -> dict[str, str]:
    """Return the variables to put into the environment of a process of `program`."""
    return {DATA_DIR_MARK: str(data_dir.resolve()), PROGRAM_MARK: program}


def find_leftovers(data_dir: Path) -> dict[psutil.Process, str]:
    """Return the running processes of this data folder with their programs, this one's line apart."""
    own = os.getpid(), *(parent.pid for parent in psutil.Process().parents())
    return {
        process: program
        for process in psutil.process_iter()
        if process.pid not in own and (program := _program_of(process, data_dir.resolve()))
    }


def end_leftovers(data_dir: Path) -> int:
    """End every process of this data folder and return how many there were.

    The supervisor first, as it would start the others again and stops them in good order
    itself; then what works on the servers, Redis, and PostgreSQL at last.
    """
    count = len(find_leftovers(data_dir))
    if count == 0:
        remove_stale_locks(data_dir)
        return 0
    _end(
        _of(data_dir, {"supervisor"}), [(signal.SIGTERM, _SUPERVISOR_SECONDS), *_SECONDS_BY_SIGNAL]
    )
    others = set(find_leftovers(data_dir).values()) - {"redis", "postgres"}
    _end(_of(data_dir, others), _SECONDS_BY_SIGNAL)
    end_leftovers_of(data_dir, "redis")
    end_leftovers_of(data_dir, "postgres")
    return count


def end_leftovers_of(data_dir: Path, program: str) -> None:
    """End what is left of one program, so that it can be started again."""
    left = _of(data_dir, {program})
    if program != "postgres":
        _end(left, _SECONDS_BY_SIGNAL)
        return
    # The postmaster ends its children; of children alone it can only be waited for their end.
    pids = {process.pid for process in left}
    heads = [process for process in left if _parent_pid(process) not in pids]
    _end(heads, _POSTGRES_SECONDS_BY_SIGNAL)
    _end(_of(data_dir, {program}), _SECONDS_BY_SIGNAL)
    remove_stale_locks(data_dir)


def _of(data_dir: Path, programs: set[str]) -> list[psutil.Process]:
    return [process for process, program in find_leftovers(data_dir).items() if program in programs]


def _program_of(process: psutil.Process, data_dir: Path) -> str:
    """Return the program that `process` runs for `data_dir`, or '' when it is none of its."""
    try:
        if process.name() == "postgres":
            return "postgres" if Path(process.cwd()) == postgres_data_dir(data_dir) else ""
        environment = process.environ()
    except (psutil.Error, OSError):  # gone, a zombie, or another user's
        return ""
    if environment.get(DATA_DIR_MARK) != str(data_dir):
        return ""
    return environment.get(PROGRAM_MARK, "unnamed")


def _parent_pid(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _end(
    processes: Iterable[psutil.Process], seconds_by_signal: Iterable[tuple[signal.Signals, float]]
) -> None:
    """Send each signal in turn to those of `processes` that still run, and wait that long for them."""
    left = list(processes)
    for number, seconds in seconds_by_signal:
        for process in left:
            try:
                process.send_signal(
                    number
                )  # psutil makes sure that the pid is still the same process
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + seconds
        while (left := [process for process in left if _runs(process)]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.02)
        if not left:
            return


def _runs(process: psutil.Process) -> bool:
    # A container's first process may never collect its orphans; such a zombie holds nothing.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
