"""The supervisor: its configuration, starting it, and giving it orders."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Self, cast
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from observability.embedded.leftovers import marks
from observability.embedded.locations import PROJECT_DIR, log_dir, supervisor_socket
from observability.embedded.programs import POSTGRES, REDIS, Program
from observability.embedded.waiting import wait_until

STOP_SECONDS = 150
"""Longer than all programs together may take to stop: the portal's at once, then Redis, PostgreSQL."""

_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A running supervisor, started as a child of this process."""

    process: subprocess.Popen[bytes]
    socket: Path

    @classmethod
    def start(
        cls, data_dir: Path, programs: Iterable[Program], environment: Mapping[str, str]
    ) -> Self:
        """Start the supervisor, which knows `programs` but runs none of them yet.

        It gets a session of its own, so that a Ctrl-C in the terminal reaches only this process,
        which then stops everything in good order.
        """
        configuration = data_dir / "supervisor.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(_configuration(data_dir, programs), encoding="utf-8")
        output_path = log_dir(data_dir) / "supervisor-output.log"
        with output_path.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
                cwd=PROJECT_DIR,
                env={**environment, **marks(data_dir, "supervisor")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        supervisor = cls(process, supervisor_socket(data_dir))
        wait_until(
            supervisor._answers,
            seconds=_START_SECONDS,
            otherwise=f"the supervisor does not start, see {output_path}",
            stop_early=lambda: process.poll() is not None,
        )
        return supervisor

    def start_program(self, program: Program) -> None:
        """Have `program` started; return at once."""
        self._orders.supervisor.startProcess(_full_name(program), False)

    def is_failing(self, program: Program) -> bool:
        """Return whether `program` ended right after its start, and is to be started again."""
        try:
            info = self._orders.supervisor.getProcessInfo(_full_name(program))
        except (OSError, HTTPException, Fault):
            return True
        state = cast("dict[str, object]", info)["statename"]
        return state in {"BACKOFF", "FATAL", "EXITED"}

    def stop(self) -> bool:
        """Stop all programs and the supervisor; return False when it did not end in time."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def _orders(self) -> ServerProxy:
        # A new one each time: its connection cannot be used again after a failure.
        transport = SupervisorTransport("", "", f"unix://{self.socket}")
        return ServerProxy("http://localhost", transport)

    def _answers(self) -> bool:
        try:
            self._orders.supervisor.getState()
        except (OSError, HTTPException):
            return False
        return True


def _full_name(program: Program) -> str:
    return program.name if program in {POSTGRES, REDIS} else f"portal:{program.name}"


def _configuration(data_dir: Path, programs: Iterable[Program]) -> str:
    programs = list(programs)
    socket = supervisor_socket(data_dir)
    sections: list[tuple[str, dict[str, str]]] = [
        ("unix_http_server", {"file": str(socket), "chmod": "0700"}),
        ("supervisorctl", {"serverurl": f"unix://{socket}"}),
        (
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        ("supervisord", _own_settings(data_dir)),
        *(_program_section(data_dir, program) for program in programs),
        # Stopped together, before the servers that they need.
        (
            "group:portal",
            {
                "programs": ",".join(p.name for p in programs if p not in {POSTGRES, REDIS}),
                "priority": "3",
            },
        ),
    ]
    return "\n".join(_section(name, settings) for name, settings in sections)


def _own_settings(data_dir: Path) -> dict[str, str]:
    settings = {
        "nodaemon": "true",
        "silent": "true",
        "identifier": "observability-portal",
        "logfile": str(log_dir(data_dir) / "supervisor.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "pidfile": str(data_dir / "supervisor.pid"),
        "childlogdir": str(log_dir(data_dir)),
    }
    if os.geteuid() == 0:
        settings["user"] = "root"  # said on purpose, else the supervisor warns about it
    return settings


def _program_section(data_dir: Path, program: Program) -> tuple[str, dict[str, str]]:
    command = [sys.executable, "-m", "observability.embedded", "become", program.name]
    return f"program:{program.name}", {
        "command": shlex.join(command),
        "directory": str(PROJECT_DIR),
        "priority": {POSTGRES.name: "1", REDIS.name: "2"}.get(program.name, "3"),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "2",
        "startretries": "1000000",  # a monitor never gives up
        "stopsignal": program.stop_signal.name.removeprefix("SIG"),
        "stopwaitsecs": str(program.stop_seconds),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(log_dir(data_dir) / f"{program.name}.log"),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
    }


def _section(name: str, settings: Mapping[str, str]) -> str:
    # The supervisor expands %(name)s in every value.
    lines = (f"{key} = {value.replace('%', '%%')}\n" for key, value in settings.items())
    return f"[{name}]\n{''.join(lines)}"
