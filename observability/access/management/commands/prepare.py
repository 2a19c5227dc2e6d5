"""Bring the database, the static files, the first admin and the bootstrap key up to date."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django_redis import get_redis_connection
from redis import RedisError

from observability.access.errors import UnsuitableKeyError
from observability.access.keys import ensure_key
from observability.access.scopes import Scope
from observability.access.secret_fields import cipher

ADMIN_NAME = "admin"

# An arbitrary number that every start agrees on.
_PREPARATION_LOCK = 7_027_465_091


class Command(BaseCommand):
    """Do everything that a start needs done once; harmless to repeat, and at the same time too."""

    help = "Migrate, collect static files, make the first admin and the bootstrap key."
    # `migrate` checks models itself; the rest of the checks are for `make check`.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare the portal; several containers that start at once do it one after the other."""
        _check_surroundings()
        with connection.cursor() as cursor:
            # Waiting for another container's migrations may take longer than a statement may.
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARATION_LOCK])
            try:
                self._prepare()
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARATION_LOCK])

    def _prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self._collect_static_files()
        # Beat does not make the folder of its schedule.
        Path(settings.CELERY_BEAT_SCHEDULE_FILENAME).parent.mkdir(parents=True, exist_ok=True)
        self._make_first_admin()
        if settings.BOOTSTRAP_API_KEY:
            try:
                ensure_key(settings.BOOTSTRAP_API_KEY, name="bootstrap", scopes=list(Scope))
            except UnsuitableKeyError as error:
                raise CommandError(f"BOOTSTRAP_API_KEY: {error}") from error

    def _collect_static_files(self) -> None:
        """Collect static files unless they are those of the last time; compressing takes seconds."""
        fingerprint = static_files_fingerprint()
        stamp = Path(settings.STATIC_ROOT) / ".fingerprint"
        if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(fingerprint, encoding="ascii")

    def _make_first_admin(self) -> None:
        users = get_user_model().objects
        if users.filter(is_superuser=True).exists():
            return
        password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
        users.create_superuser(ADMIN_NAME, password=password)
        if settings.ADMIN_PASSWORD:
            self.stdout.write(
                f"Made the first user, {ADMIN_NAME}, with the password in ADMIN_PASSWORD."
            )
        else:
            self.stdout.write(
                f"Made the first user: name {ADMIN_NAME}, password {password} (shown only this once)."
            )


def _check_surroundings() -> None:
    """End the command when the keys, the database or Redis are not what the portal can run with."""
    cipher()
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise CommandError(f"no connection to the database: {_first_line(error)}") from error
    try:
        get_redis_connection("default").ping()
    # Not Redis's own: a value or name in REDIS_URL that only the client knows to be wrong.
    except (RedisError, ValueError, TypeError) as error:
        raise CommandError(f"no connection to Redis: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def static_files_fingerprint() -> str:
    """Return a digest that changes when a static file of the project or its packages does."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
