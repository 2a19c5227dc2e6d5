import threading
from pathlib import Path

import pytest

from observability.embedded.data_folder import DataFolderLock, check_writable
from observability.embedded.errors import EmbeddedError


def test_a_held_folder_is_refused(tmp_path: Path) -> None:
    with (
        DataFolderLock(tmp_path),
        pytest.raises(EmbeddedError, match="already runs with DATA_DIR"),
        DataFolderLock(tmp_path),
    ):
        pass


def test_a_folder_whose_holder_is_stopping_is_waited_for(tmp_path: Path) -> None:
    taken = threading.Event()

    def take() -> None:
        with DataFolderLock(tmp_path):
            taken.set()

    with DataFolderLock(tmp_path) as lock:
        lock.announce_stop()
        waiting = threading.Thread(target=take)
        waiting.start()
        was_taken_at_once = taken.wait(0.2)
    waiting.join(timeout=10)

    assert not was_taken_at_once
    assert taken.is_set()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()
