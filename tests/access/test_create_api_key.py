from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from observability.access.keys import find_key
from observability.access.models import ApiKey

from .cast import NOW

pytestmark = pytest.mark.django_db


def test_command_prints_the_key_alone(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", "ci", "--scope", "metrics:write", "--scope", "metrics:read")

    token = capsys.readouterr().out.strip()
    assert find_key(token, NOW).scopes == ["metrics:read", "metrics:write"]


def test_key_carries_labels_and_expires(capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(NOW, tick=False):
        call_command(
            "create_api_key", "ci", "--scope=metrics:write", "--label", "system=earntrack",
            "--label", "team=core", "--expires-in", "30d",
        )  # fmt: skip

    key = ApiKey.objects.get()
    assert key.labels == {"system": "earntrack", "team": "core"}
    assert key.expires_at == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ci"], "required"),
        (["ci", "--scope", "metrics:own"], "invalid choice"),
        (["ci", "--scope", "admin", "--label", "1a=x"], "not a label name"),
        (["ci", "--scope", "admin", "--label", "a"], "form name=value"),
        (["ci", "--scope", "admin", "--expires-in", "soon"], "--expires-in must be like"),
        (["ci", "--scope", "admin", "--expires-in", "999999999y"], "too long"),
        (["", "--scope", "admin"], "blank"),
    ],
)
def test_command_says_what_is_wrong_and_makes_nothing(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("create_api_key", *arguments)

    assert not ApiKey.objects.exists()
