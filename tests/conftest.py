"""What every test stands on: the portal's own PostgreSQL and Redis, real and private to the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from observability.embedded.servers import Servers, start_servers

_servers: Servers | None = None
_data_dir: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once for the whole run, before Django reads its settings.

    The workers of pytest-xdist inherit the addresses; only the process that starts
    them ends the servers.
    """
    global _servers, _data_dir  # noqa: PLW0603 (pytest hooks share nothing else)
    os.environ.setdefault("SECRET_KEY", "only-for-the-tests-" + "x" * 40)
    os.environ.setdefault("ENCRYPTION_KEY", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
    if "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("DATABASE_URL"):
        return
    _data_dir = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    _servers = start_servers(_data_dir, durable=False)
    os.environ |= {
        "DATA_DIR": str(_data_dir),
        "DATABASE_URL": _servers.database_url,
        "REDIS_URL": _servers.redis_url,
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers that this process started."""
    if _servers is not None:
        _servers.stop()
    if _data_dir is not None:
        shutil.rmtree(_data_dir, ignore_errors=True)
