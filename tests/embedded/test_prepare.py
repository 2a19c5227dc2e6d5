from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from observability.access.models import ApiKey
from observability.access.scopes import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_installation(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.ADMIN_PASSWORD = ""
    settings.BOOTSTRAP_API_KEY = ""


def prepare() -> str:
    output = StringIO()
    call_command("prepare", stdout=output)
    return output.getvalue()


def may_log_in(password: str) -> bool:
    request = RequestFactory().post("/admin/login/")
    return authenticate(request, username="admin", password=password) is not None


def test_the_generated_password_is_shown_once_and_works() -> None:
    shown = prepare()
    shown_again = prepare()

    password = shown.partition("password ")[2].split()[0]
    assert may_log_in(password)
    assert User.objects.filter(is_superuser=True).count() == 1
    assert shown_again == ""


def test_the_password_of_the_operator_is_taken_and_not_shown(settings: Settings) -> None:
    settings.ADMIN_PASSWORD = "chosen-by-the-operator"

    shown = prepare()

    assert may_log_in("chosen-by-the-operator")
    assert "chosen-by-the-operator" not in shown


def test_static_files_are_collected_again_only_when_one_changed(settings: Settings) -> None:
    collected = Path(settings.STATIC_ROOT) / "portal" / "portal.css"

    prepare()
    collected.unlink()
    prepare()
    exists_without_change = collected.exists()
    (Path(settings.STATIC_ROOT) / ".fingerprint").write_text("of other files")
    prepare()

    assert not exists_without_change
    assert collected.exists()


def test_the_bootstrap_key_gets_every_scope_once(settings: Settings) -> None:
    settings.BOOTSTRAP_API_KEY = "a-key-that-the-operator-has-chosen-4711"

    prepare()
    prepare()

    assert set(ApiKey.objects.get().scopes) == set(Scope.values)


def test_an_unsuitable_bootstrap_key_is_refused_by_name(settings: Settings) -> None:
    settings.BOOTSTRAP_API_KEY = "short"

    with pytest.raises(CommandError, match=r"^BOOTSTRAP_API_KEY: "):
        prepare()


def test_reset_gives_the_admin_a_new_password_and_prints_it_alone() -> None:
    prepare()
    output = StringIO()

    call_command("reset_admin_password", stdout=output)

    assert may_log_in(output.getvalue().strip())


def test_reset_of_an_unknown_user_says_so() -> None:
    with pytest.raises(CommandError, match="there is no user 'nobody'"):
        call_command("reset_admin_password", "--username", "nobody")


def test_folder_of_beats_schedule_is_made(settings: Settings, tmp_path: Path) -> None:
    settings.CELERY_BEAT_SCHEDULE_FILENAME = str(tmp_path / "beat" / "schedule")

    prepare()

    assert (tmp_path / "beat").is_dir()
