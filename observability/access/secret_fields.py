"""Model fields whose columns hold ciphertext: secrets of receivers, remote ends and the like.

The first of `ENCRYPTION_KEYS` encrypts, all of them decrypt; `manage.py rotate_keys` writes
every secret anew with the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from observability.access.errors import UnreadableSecretError
from observability.access.forms import SecretField
from observability.environment import InvalidSettingError

BATCH_ROWS = 500
"""Rows that `rotate_keys` locks and writes at once."""


class _EncryptedField(models.Field[Any, Any]):
    """The common part: a text column with ciphertext, decrypted when a row is read."""

    def get_internal_type(self) -> str:
        """Return what Django makes the column of."""
        return "TextField"

    def get_prep_value(self, value: Any) -> Any:
        """Return the ciphertext that is stored; None stays None."""
        value = super().get_prep_value(value)
        return None if value is None else encrypt(self._to_text(value))

    def from_db_value(
        self, value: str | None, expression: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        """Return the secret of a row.

        Raises:
            UnreadableSecretError: None of the keys opens it.
        """
        if value is None:
            return None
        try:
            return self._from_text(decrypt(value))
        except InvalidToken:
            raise UnreadableSecretError(
                f"{self.model._meta.db_table}.{self.column} holds a secret that ENCRYPTION_KEY cannot open; "
                "put the former key behind the present one, divided by a comma"
            ) from None

    def get_lookup(self, lookup_name: str) -> Any:
        """Return only `isnull`: the same secret is never the same ciphertext twice."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def value_to_string(self, obj: models.Model) -> str:
        """Return nothing: a secret does not go into fixtures."""
        return ""

    def _to_text(self, value: Any) -> str:
        raise NotImplementedError

    def _from_text(self, text: str) -> Any:
        raise NotImplementedError


class EncryptedTextField(_EncryptedField):
    """A secret text; in forms an input that never shows it (`SecretField`)."""

    def formfield(self, **kwargs: Any) -> SecretField:
        """Return the form field for secrets, whatever widget the admin would rather have."""
        return SecretField(
            label=kwargs.get("label", str(self.verbose_name).capitalize()),
            help_text=kwargs.get("help_text", self.help_text),
            required=not self.blank,
        )

    def get_prep_value(self, value: Any) -> Any:
        """Return the ciphertext; an empty text stays empty, so that it can be told from a set one."""
        return "" if value == "" else super().get_prep_value(value)

    def from_db_value(
        self, value: str | None, expression: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        """Return the secret of a row."""
        return "" if value == "" else super().from_db_value(value, expression, connection)

    def _to_text(self, value: Any) -> str:
        return str(value)

    def _from_text(self, text: str) -> str:
        return text


class EncryptedJSONField(_EncryptedField):
    """Secrets as JSON, such as those of a receiver of any kind. Its owner's form edits the single values."""

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        """Return None: the whole is never shown, single values are `SecretField`s."""
        return None

    def _to_text(self, value: Any) -> str:
        return json.dumps(value)

    def _from_text(self, text: str) -> Any:
        return json.loads(text)


def encrypt(text: str) -> str:
    """Return `text` encrypted with the first key."""
    return cipher().encrypt(text.encode()).decode("ascii")


def decrypt(ciphertext: str) -> str:
    """Return what `encrypt` was given, with any of the keys; raises `cryptography.fernet.InvalidToken`."""
    return cipher().decrypt(ciphertext.encode()).decode()


def cipher() -> MultiFernet:
    """Return the cipher made of `ENCRYPTION_KEYS`; raises `InvalidSettingError` when one is no key."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except (ValueError, TypeError):
        # Never the value, nor the library's error: either may hold part of the key.
        raise InvalidSettingError(
            "ENCRYPTION_KEY must be 32 bytes in URL-safe base64 (44 characters), or several such keys divided by commas"
        ) from None


@register(Tags.security)
def check_encryption_keys(**kwargs: Any) -> list[CheckMessage]:
    """Report encryption keys that cannot encrypt."""
    try:
        cipher()
    except InvalidSettingError as error:
        return [
            Error(
                str(error),
                hint="Make one with: python -c 'import base64, secrets; "
                "print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'",
                id="access.E001",
            )
        ]
    return []


def encrypted_models() -> Iterator[tuple[type[models.Model], list[str]]]:
    """Yield every model with encrypted columns, and their names."""
    for model in apps.get_models():
        names = [
            f.name for f in model._meta.local_concrete_fields if isinstance(f, _EncryptedField)
        ]
        if names and model._meta.managed and not model._meta.proxy:
            yield model, names


def reencrypt(model: type[models.Model], names: list[str]) -> int:
    """Write the named columns of all rows anew with the first key; return how many rows.

    Each batch is a transaction of its own with its rows locked, so the portal may run
    meanwhile, and an interrupted rotation is finished by starting it again.
    """
    done, last = 0, None
    while True:
        with transaction.atomic():
            rows = model._base_manager.select_for_update().order_by("pk").only(*names)
            if last is not None:
                rows = rows.filter(pk__gt=last)
            batch = list(rows[:BATCH_ROWS])
            if not batch:
                return done
            model._base_manager.bulk_update(batch, names)
        done, last = done + len(batch), batch[-1].pk
