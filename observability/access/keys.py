"""Making, finding and revoking API keys.

A key reads `op_<8 characters>_<43 characters>`: the first part is shown in lists, the second
holds 256 random bits. Only the SHA-256 of the whole is stored.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import string
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from observability.access.errors import (
    ExpiredKeyError,
    RevokedKeyError,
    UnknownKeyError,
    UnsuitableKeyError,
)
from observability.access.models import ApiKey, KeyState
from observability.access.scopes import Scope

SHORTEST_CHOSEN_KEY = 8
"""Characters in a key that an operator chose; what Django's validators ask of a password."""

LAST_USE_PRECISION = timedelta(minutes=1)

_COLUMNS = [field.attname for field in ApiKey._meta.concrete_fields]
_LABELS = _COLUMNS.index("labels")
# Every column of the one key with this digest.
_FIND = f"SELECT {', '.join(_COLUMNS)} FROM {ApiKey._meta.db_table} WHERE digest = %s"  # noqa: S608 (our own names)

_ALPHABET = string.ascii_letters + string.digits
_OWN_FORM = re.compile(r"(op_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")
_PRINTABLE = re.compile(r"[!-~]+")


def create_key(
    *,
    name: str,
    scopes: Collection[Scope],
    labels: Mapping[str, str] | None = None,
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which cannot be had again.

    Raises:
        ValidationError: The name, a scope or a label is not allowed; nothing was stored.
    """
    token = new_token()
    key = ApiKey(
        name=name,
        scopes=sorted(set(scopes)),
        labels=dict(labels or {}),
        expires_at=expires_at,
        created_by=created_by,
    )
    set_token(key, token)
    key.full_clean()
    key.save()
    return key, token


def ensure_key(token: str, *, name: str, scopes: Collection[Scope]) -> ApiKey:
    """Make a key out of a token that an operator chose, once; later calls only bring its scopes up to date.

    A key that was revoked in the meantime stays revoked.

    Raises:
        UnsuitableKeyError: The token is too short, has blanks, or reads like a JWT.
    """
    if len(token) < SHORTEST_CHOSEN_KEY or not _PRINTABLE.fullmatch(token):
        raise UnsuitableKeyError(
            f"an API key must have at least {SHORTEST_CHOSEN_KEY} characters, all of them printable ASCII without blanks"
        )
    if reads_like_jwt(token):
        raise UnsuitableKeyError(
            "an API key must not hold exactly two dots: that is the form of a JWT"
        )
    key, _ = ApiKey.objects.update_or_create(
        digest=digest_of(token),
        defaults={"scopes": sorted(set(scopes))},
        create_defaults={
            "name": name,
            "prefix": _prefix_of(token),
            "scopes": sorted(set(scopes)),
        },
    )
    return key


def find_key(token: str, now: datetime) -> ApiKey:
    """Return the key that `token` is, and note its use at most once a minute.

    This runs with every request of every client: one look-up by a unique index.

    Raises:
        UnknownKeyError: No such key.
        RevokedKeyError: It has been revoked.
        ExpiredKeyError: Its time is over.
    """
    key = _key_of_digest(digest_of(token))
    if key is None:
        raise UnknownKeyError("this API key is not known")
    match key.state(now):
        case KeyState.REVOKED:
            raise RevokedKeyError("this API key has been revoked")
        case KeyState.EXPIRED:
            raise ExpiredKeyError("this API key has expired")
        case KeyState.ACTIVE:
            _note_use(key, now)
            return key


def revoke_key(key: ApiKey, *, now: datetime) -> bool:
    """Make a key useless from now on; False when it had been revoked before."""
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
    key.refresh_from_db(fields=["revoked_at"])
    return revoked == 1


def new_token() -> str:
    """Return a new key; nothing is stored."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"op_{prefix}_{secrets.token_urlsafe(32)}"


def set_token(key: ApiKey, token: str) -> None:
    """Let `key` be recognised by `token`; the caller saves it."""
    key.prefix = _prefix_of(token)
    key.digest = digest_of(token)


def digest_of(token: str) -> str:
    """Return what is stored of a key."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def reads_like_jwt(token: str) -> bool:
    """Say whether a token is in the form of a JWT: three parts divided by dots."""
    return token.count(".") == 2


def _key_of_digest(digest: str) -> ApiKey | None:
    # By hand, because Django takes four times as long to build this query as PostgreSQL to answer it.
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    values = list(row)
    values[_LABELS] = json.loads(values[_LABELS])  # JSON arrives as text
    return ApiKey.from_db(connection.alias, _COLUMNS, values)


def _prefix_of(token: str) -> str:
    # Of a token that an operator chose nothing is shown: any part of it may be the secret one.
    match = _OWN_FORM.fullmatch(token)
    return match[1] if match else ""


def _note_use(key: ApiKey, now: datetime) -> None:
    stale = now - LAST_USE_PRECISION
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    # Again in SQL, so that of many requests at once only the first writes.
    ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=stale), pk=key.pk).update(
        last_used_at=now
    )
