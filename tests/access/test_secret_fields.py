from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator

import pytest
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps
from pytest_django import Settings

from observability.access.errors import UnreadableSecretError
from observability.access.secret_fields import (
    EncryptedJSONField,
    EncryptedTextField,
    check_encryption_keys,
    decrypt,
    encrypt,
    reencrypt,
)
from observability.environment import InvalidSettingError


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def vault(db: None) -> Iterator[type[models.Model]]:
    """A table with both kinds of encrypted columns."""
    with isolate_apps("observability.access"):

        class Vault(models.Model):
            password = EncryptedTextField(blank=True)
            parts = EncryptedJSONField(null=True)

            class Meta:
                app_label = "access"

            def __str__(self) -> str:
                return "vault"

        with connection.schema_editor() as editor:
            editor.create_model(Vault)
        yield Vault


def stored(model: type[models.Model]) -> list[tuple[str, str | None]]:
    """Return the columns as PostgreSQL has them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT password, parts FROM {model._meta.db_table} ORDER BY id")  # noqa: S608 (our own name)
        return list(cursor.fetchall())


def test_secret_is_read_back_as_it_was_written(vault: type[models.Model]) -> None:
    vault._base_manager.create(password="pässword", parts={"url": "https://x", "n": [1, None]})

    row = vault._base_manager.values().get()

    assert (row["password"], row["parts"]) == ("pässword", {"url": "https://x", "n": [1, None]})


def test_column_holds_nothing_of_the_secret(vault: type[models.Model]) -> None:
    vault._base_manager.create(password="hunter2", parts={"token": "hunter2"})

    assert "hunter2" not in str(stored(vault))


def test_same_secret_is_never_the_same_ciphertext() -> None:
    assert encrypt("hunter2") != encrypt("hunter2")


def test_unset_secrets_stay_unset(vault: type[models.Model]) -> None:
    vault._base_manager.create(password="", parts=None)

    row = vault._base_manager.values().get()

    assert stored(vault) == [("", None)]
    assert (row["password"], row["parts"]) == ("", None)


def test_secret_cannot_be_searched_for(vault: type[models.Model]) -> None:
    with pytest.raises(FieldError):
        vault._base_manager.filter(password="hunter2").exists()


def test_former_keys_still_decrypt(settings: Settings) -> None:
    ciphertext = encrypt("hunter2")

    settings.ENCRYPTION_KEYS = [new_key(), *settings.ENCRYPTION_KEYS]

    assert decrypt(ciphertext) == "hunter2"


def test_lost_key_is_reported_with_the_column_and_the_way_out(
    vault: type[models.Model], settings: Settings
) -> None:
    vault._base_manager.create(password="hunter2")

    settings.ENCRYPTION_KEYS = [new_key()]

    with pytest.raises(UnreadableSecretError, match=r"access_vault\.password .* former key"):
        vault._base_manager.get()


def test_rotation_makes_the_former_key_unnecessary(
    vault: type[models.Model], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observability.access.secret_fields.BATCH_ROWS", 2)
    for number in range(5):
        vault._base_manager.create(password=f"p{number}", parts={"n": number})
    first = new_key()
    settings.ENCRYPTION_KEYS = [first, *settings.ENCRYPTION_KEYS]

    count = reencrypt(vault, ["password", "parts"])

    settings.ENCRYPTION_KEYS = [first]
    assert count == 5
    rows = vault._base_manager.order_by("pk").values_list("password", "parts")
    assert list(rows) == [(f"p{n}", {"n": n}) for n in range(5)]


@pytest.mark.django_db
def test_rotate_keys_covers_every_encrypted_column_of_the_portal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("rotate_keys")

    assert "alerts_integration: 0 rows (secrets)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["short"], id="too short"),
        pytest.param([base64.urlsafe_b64encode(b"x" * 31).decode()], id="31 bytes"),
        pytest.param(["!" * 44], id="no base64"),
        pytest.param([], id="none"),
    ],
)
def test_key_that_cannot_encrypt_is_named_without_its_value(
    settings: Settings, keys: list[str]
) -> None:
    settings.ENCRYPTION_KEYS = keys

    with pytest.raises(InvalidSettingError, match="ENCRYPTION_KEY must be 32 bytes") as caught:
        encrypt("x")
    assert [error.id for error in check_encryption_keys()] == ["access.E001"]
    assert not any(key in str(caught.value) for key in keys)


@pytest.mark.django_db
def test_rotation_with_a_lost_key_ends_with_one_line(settings: Settings) -> None:
    from alerts.models import Integration, Receiver  # noqa: PLC0415 (only here, a table of the portal's own)

    receiver = Receiver.objects.create(name="on call")
    Integration.objects.create(receiver=receiver, kind="slack", secrets={"url": "https://x"})
    settings.ENCRYPTION_KEYS = [new_key()]

    with pytest.raises(CommandError, match="former key"):
        call_command("rotate_keys")
