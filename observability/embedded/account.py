"""The system user that PostgreSQL runs as: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from observability.embedded.errors import EmbeddedError
from observability.embedded.locations import postgres_data_dir

SYSTEM_USER = "observability-postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Whether this process already runs as that user."""
        return self.uid == os.geteuid()


def postgres_account(data_dir: Path) -> Account:
    """Return the user to run PostgreSQL as.

    That is the current user unless it is root; for root it is the one who owns the cluster
    already, else a system user made for it, else (where users cannot be made) `nobody`.
    """
    if os.geteuid() != 0:
        return _account(os.geteuid())
    cluster = postgres_data_dir(data_dir)
    if cluster.exists() and cluster.stat().st_uid != 0:
        return _account(cluster.stat().st_uid)
    return _named_account(SYSTEM_USER) or _made_account() or _account_of_nobody()


def give_search_permission(path: Path, account: Account) -> list[Path]:
    """Let `account` reach what is in `path`: add search permission to it and the folders above where it is missing.

    Returns:
        The folders that were changed; none when PostgreSQL runs as the current user.
    """
    if account.is_current:
        return []
    changed = []
    path = path.resolve()
    for folder in (path, *path.parents):
        status = folder.stat()
        if not _may_search(status, account):
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            changed.append(folder)
    return changed


def _may_search(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"user id {uid} has no name in /etc/passwd, which PostgreSQL needs: "
            "run the portal as a named user, or set DATABASE_URL"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _named_account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _made_account() -> Account | None:
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if useradd is None:
        return None
    subprocess.run(
        [
            *(useradd, "--system", "--user-group", "--no-create-home"),
            *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER),
        ],
        check=False,  # two first starts at once: one of them finds the user made by the other
        capture_output=True,
    )
    return _named_account(SYSTEM_USER)


def _account_of_nobody() -> Account:
    account = _named_account("nobody")
    if account is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root and no system user can be made for it: "
            "run the portal as another user, or set DATABASE_URL"
        )
    return account
