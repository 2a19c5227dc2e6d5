"""The data folder: making and checking its folders, and holding it against a second start."""

import fcntl
import os
import stat
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from observability.embedded.account import Account
from observability.embedded.errors import EmbeddedError
from observability.embedded.locations import log_dir, make_secrets, socket_dir

_STOPPING = "stopping"
_STOP_SECONDS = 180
# Longer than a launcher whose supervisor was killed needs to see it.
_PATIENCE_SECONDS = 1.0


def check_writable(data_dir: Path) -> None:
    """Make the data folder when it is missing; raise `EmbeddedError` when it cannot be written to."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (data_dir, *(data_dir / name for name in ("secrets", "logs", "redis"))):
            if folder.exists():
                with tempfile.TemporaryFile(dir=folder):
                    pass
    except OSError as error:
        raise EmbeddedError(
            f"DATA_DIR {data_dir} cannot be written to ({error.strerror}: {error.filename}): "
            "give this user the folder, or set DATA_DIR to another one"
        ) from error


def make_folders(data_dir: Path, account: Account) -> None:
    """Make the folders of logs, sockets, secrets and beat's schedule, and the secrets themselves.

    Args:
        data_dir: The portal's data folder, which exists.
        account: The user that PostgreSQL runs as; gets the folder of the sockets.
    """
    log_dir(data_dir).mkdir(mode=0o750, exist_ok=True)
    (data_dir / "beat").mkdir(exist_ok=True)
    make_secrets(data_dir)
    folder = socket_dir(data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # Under /tmp anybody could have made it first.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), account.uid}:
        raise EmbeddedError(f"{folder} belongs to another user: remove it, or set DATA_DIR")
    folder.chmod(0o700)
    if not account.is_current:
        os.chown(folder, account.uid, account.gid)


class DataFolderLock:
    """Holds a data folder for one launcher; the system lets go of it when the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> Self:
        """Take the folder; wait for a holder that is stopping, raise `EmbeddedError` for any other."""
        started = time.monotonic()
        while not self._try():
            stopping = self._state() == _STOPPING
            if time.monotonic() - started > (_STOP_SECONDS if stopping else _PATIENCE_SECONDS):
                os.close(self._descriptor)
                raise EmbeddedError(
                    f"the portal already runs with DATA_DIR {self._data_dir}: stop it first, "
                    "or set DATA_DIR and PORT to run another one"
                )
            time.sleep(0.05)
        self._write("running")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the folder go."""
        os.close(self._descriptor)

    def announce_stop(self) -> None:
        """Tell a start that comes now to wait instead of giving up."""
        self._write(_STOPPING)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _state(self) -> str:
        return os.pread(self._descriptor, 100, 0).decode("ascii")

    def _write(self, state: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, state.encode("ascii"), 0)
