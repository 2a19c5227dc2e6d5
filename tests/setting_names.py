"""The names of the environment variables that the portal reads, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from observability.embedded.locations import PROJECT_DIR

_SOURCES = (
    "observability/settings.py",
    "observability/embedded/launch.py",
    "deploy/gunicorn.conf.py",
)
_READERS = frozenset({"env", "environment", "_environment"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One place where a variable is read: its name, and by which reader."""

    name: str
    reader: str


def read_settings() -> set[str]:
    """Return the name of every variable that the portal reads."""
    return {reading.name for reading in _readings()}


def secret_settings() -> set[str]:
    """Return the names of the variables for which `NAME_FILE` works too."""
    readers = {"secret", "server_url", "mail_server", "_required_secret"}
    return {reading.name for reading in _readings() if reading.reader in readers}


def _readings() -> Iterator[Reading]:
    for source in _SOURCES:
        tree = ast.parse((PROJECT_DIR / source).read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if reader := _reader(call):
                yield from _names(call, reader)


def _reader(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner), attr=method) if owner in _READERS:
            return method
        case ast.Name(id="_required_secret"):
            return "_required_secret"
        case _:
            return ""


def _names(call: ast.Call, reader: str) -> Iterator[Reading]:
    match call.args:
        case [ast.Constant(value=str(name)), *_]:
            yield Reading(name, reader)
        case [] if reader == "mail_server":
            yield Reading("EMAIL_URL", reader)
        case _:
            pass  # a reader that is handed a name by its caller


def project_files(pattern: str) -> list[Path]:
    """Return the project's files of a pattern, those of the environment and of data apart."""
    left_out = {".venv", "var", ".cache"}
    found = PROJECT_DIR.glob(pattern)
    return sorted(p for p in found if not left_out & set(p.relative_to(PROJECT_DIR).parts))
