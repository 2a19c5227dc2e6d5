"""What every test stands on: the portal's own PostgreSQL and Redis, real and private to the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import settings as hypothesis_settings

from observability.embedded.servers import Servers, start_servers

# How long a case takes says nothing here: kernels are compiled, and machines are busy.
hypothesis_settings.register_profile("portal", deadline=None)
hypothesis_settings.load_profile("portal")

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
    if "PYTEST_XDIST_WORKER" not in os.environ and not os.environ.get("DATABASE_URL"):
        _data_dir = Path(tempfile.mkdtemp(prefix="portal-tests-"))
        _servers = start_servers(_data_dir, durable=False)
        os.environ |= {
            "DATA_DIR": str(_data_dir),
            "DATABASE_URL": _servers.database_url,
            "REDIS_URL": _servers.redis_url,
        }
    # pytest-django would read the settings before this hook if it knew their name earlier.
    os.environ["DJANGO_SETTINGS_MODULE"] = "observability.settings"
    # Pages name their static files plainly; the hashed names need `collectstatic` first.
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    # How slowly a password is hashed is Django's business, and would be most of what some tests do.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers that this process started."""
    if _servers is not None:
        _servers.stop()
    if _data_dir is not None:
        shutil.rmtree(_data_dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_memory_of_emptied_tables() -> Iterator[None]:
    """Make the process forget the ids of series, as every test starts with an empty catalogue."""
    from observability.metrics.store import catalogue  # noqa: PLC0415 (settings are ready only now)

    catalogue.forget()
    yield
    catalogue.forget()
