"""API keys that were looked up a moment ago, for the doors at which a look-up would cost as much as the answer."""

from __future__ import annotations

import hashlib
import time

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from observability.access.authentication import ApiKeyAuthentication, KeyHolder, key_of
from observability.access.errors import KeyRefusedError
from observability.access.models import ApiKey, KeyState

# How long a key is not looked up again, hence how long one that has been revoked still opens.
KEY_SECONDS = 1.0
_MAX_KEYS = 1000

# By the SHA-256 of the whole header: when the key was looked up, and the key.
_recent_keys: dict[bytes, tuple[float, ApiKey]] = {}


def recent_key_of(request: HttpRequest) -> ApiKey | None:
    """Return the same as `key_of`, from memory for a second.

    Raises:
        KeyRefusedError: The request brings a key that opens nothing.
    """
    header = hashlib.sha256(request.META.get("HTTP_AUTHORIZATION", "").encode()).digest()
    now = time.monotonic()
    looked_up_at, key = _recent_keys.get(header, (0.0, None))
    if key and now - looked_up_at < KEY_SECONDS and key.state(timezone.now()) is KeyState.ACTIVE:
        return key
    key = key_of(request)
    if key is not None:
        if len(_recent_keys) >= _MAX_KEYS:
            _recent_keys.clear()
        _recent_keys[header] = (now, key)
    return key


class RecentKeyAuthentication(ApiKeyAuthentication):
    """Take an API key as `ApiKeyAuthentication` does, from memory for a second."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        """Return the holder and the key; None when the request brings no key."""
        try:
            key = recent_key_of(request._request)
        except KeyRefusedError as error:
            raise AuthenticationFailed(str(error), code=error.code) from error
        return None if key is None else (KeyHolder(key), key)
