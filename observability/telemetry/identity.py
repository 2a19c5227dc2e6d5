"""Who a process is among all that share the folder of own metrics, and whether it still lives.

An identity is `<pid>-<random>`, so a reused pid never continues a dead process's files. A process
holds a POSIX record lock on `<identity>.lock` until it ends; the kernel releases it however the
process dies, and sees it across containers that share the folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

LOCK_SUFFIX = ".lock"
UNLOCKED_SUFFIX = ".starting"


class _Identity:
    """The identity of this process; a forked process makes one of its own."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.lock_file: int | None = None

    def forget(self) -> None:
        self.name = None
        if self.lock_file is not None:
            # A record lock belongs to the process, so this does not release the parent's.
            os.close(self.lock_file)
            self.lock_file = None


_own = _Identity()
os.register_at_fork(after_in_child=_own.forget)


def process_identity(folder: Path) -> str:
    """Return the identity of this process; from the first call on others in `folder` see it alive."""
    if _own.name is None:
        name = f"{os.getpid()}-{secrets.token_hex(6)}"
        _own.lock_file = _hold_lock(folder, name)
        _own.name = name
    return _own.name


def _hold_lock(folder: Path, name: str) -> int:
    # Locked under another name first: a lock file that can be seen is held or its process is dead.
    path = folder / f"{name}{UNLOCKED_SUFFIX}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    path.rename(folder / f"{name}{LOCK_SUFFIX}")
    return descriptor


def is_alive(folder: Path, name: str) -> bool:
    """Say whether the process of an identity still runs."""
    if name == _own.name:
        # Closing any descriptor of the own lock file would release the lock.
        return True
    try:
        descriptor = os.open(folder / f"{name}{LOCK_SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
