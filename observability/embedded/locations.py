"""Where the embedded servers keep their data, sockets, logs and secrets under `DATA_DIR`.

Settings import this module at every start, so it imports nothing heavy and never Django.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path
from urllib.parse import quote

from observability.embedded.errors import NotPreparedError

PROJECT_DIR = Path(__file__).resolve().parents[2]
"""The folder of `manage.py`, from which every program of the portal runs."""

DATABASE_NAME = "portal"
DATABASE_USER = "portal"
POSTGRES_PORT = 5432
"""Only part of the socket's file name: the embedded PostgreSQL listens on no TCP port."""

SECRET_NAMES = ("secret_key", "encryption_key", "postgres_password", "redis_password")

# sun_path holds 108 bytes on Linux and 104 on macOS; the rest is room for the temporary
# names under which supervisor binds its socket.
_LONGEST_SOCKET_PATH_BYTES = 90


def socket_dir(data_dir: Path) -> Path:
    """Return the folder of the UNIX sockets; a short one under /tmp when `data_dir` is long."""
    data_dir = data_dir.resolve()
    folder = data_dir / "sockets"
    if len(os.fsencode(folder / f".s.PGSQL.{POSTGRES_PORT}")) <= _LONGEST_SOCKET_PATH_BYTES:
        return folder
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()
    return Path("/tmp") / f"observability-{digest[:12]}"  # noqa: S108 - checked for its owner when made


def postgres_socket(data_dir: Path) -> Path:
    """Return the socket on which the embedded PostgreSQL listens."""
    return socket_dir(data_dir) / f".s.PGSQL.{POSTGRES_PORT}"


def redis_socket(data_dir: Path) -> Path:
    """Return the socket on which the embedded Redis listens."""
    return socket_dir(data_dir) / "redis.sock"


def supervisor_socket(data_dir: Path) -> Path:
    """Return the socket on which the supervisor takes orders."""
    return socket_dir(data_dir) / "supervisor.sock"


def postgres_data_dir(data_dir: Path) -> Path:
    """Return the folder of the embedded PostgreSQL's cluster."""
    return data_dir.resolve() / "postgres"


def redis_data_dir(data_dir: Path) -> Path:
    """Return the folder of the embedded Redis's configuration."""
    return data_dir.resolve() / "redis"


def log_dir(data_dir: Path) -> Path:
    """Return the folder of the log files, each of bounded size."""
    return data_dir.resolve() / "logs"


def secret_path(data_dir: Path, name: str) -> Path:
    """Return the file that holds the secret `name`, one of `SECRET_NAMES`."""
    return data_dir.resolve() / "secrets" / name


def read_secret(data_dir: Path, name: str) -> str:
    """Return the secret `name`, or raise `NotPreparedError` when it has not been made."""
    path = secret_path(data_dir, name)
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise NotPreparedError(
            f"{data_dir} holds no {name}: start the portal once with `make run`, "
            "or set DATABASE_URL, REDIS_URL, SECRET_KEY and ENCRYPTION_KEY"
        ) from None


def make_secrets(data_dir: Path) -> None:
    """Make the secrets that are missing, readable by their owner only; keep those that exist."""
    folder = data_dir.resolve() / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SECRET_NAMES:
        path = secret_path(data_dir, name)
        if path.exists():
            continue
        # Written aside and renamed, so that a crash never leaves an empty secret behind.
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_new_secret(name) + "\n")
        unfinished.replace(path)


def embedded_database_url(data_dir: Path) -> str:
    """Return the `postgresql://` URL of the embedded database, its socket folder as `host`."""
    password = quote(read_secret(data_dir, "postgres_password"), safe="")
    host = quote(str(socket_dir(data_dir)), safe="")
    return f"postgresql://{DATABASE_USER}:{password}@/{DATABASE_NAME}?host={host}"


def embedded_redis_url(data_dir: Path) -> str:
    """Return the `unix://` URL of the embedded Redis's database 0."""
    password = quote(read_secret(data_dir, "redis_password"), safe="")
    return f"unix://:{password}@{quote(str(redis_socket(data_dir)))}?db=0"


def _new_secret(name: str) -> str:
    if name == "encryption_key":  # the form that Fernet takes: 32 bytes in URL-safe base64
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")
    return secrets.token_urlsafe(64 if name == "secret_key" else 32)
