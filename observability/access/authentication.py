"""Who is asking: an API key, the holder of a JWT, or (in DRF's own class) a session."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from observability.access.errors import KeyRefusedError, MalformedCredentialsError
from observability.access.keys import find_key, reads_like_jwt
from observability.access.models import ApiKey
from observability.access.scopes import SCOPE_PERMISSIONS

_BEARER = 'Bearer realm="portal"'
CHALLENGE = f'{_BEARER}, Basic realm="portal", charset="UTF-8"'
"""The `WWW-Authenticate` header of every 401; Prometheus and Grafana ask for Basic, our own clients for Bearer."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Stands where Django expects a user when a request came with an API key."""

    key: ApiKey

    pk = None
    id = None
    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    @property
    def username(self) -> str:
        """Return how the key appears in logs; never any part of the key itself."""
        return f"key:{self.key.name}"

    def get_username(self) -> str:
        """Return the same as `username`; Django asks both ways."""
        return self.username

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Say whether one of the key's scopes stands for this Django permission."""
        return any(
            self.key.allows(scope)
            for scope, granted in SCOPE_PERMISSIONS.items()
            if granted == permission
        )

    def has_perms(self, permissions: Iterable[str], obj: object = None) -> bool:
        """Say whether `has_perm` holds for all of them."""
        return all(self.has_perm(permission, obj) for permission in permissions)


class ApiKeyAuthentication(BaseAuthentication):
    """Take an API key as `Bearer <key>` or `Token <key>`, or as the password of Basic with any user name."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        """Return the holder and the key; None when the request brings no key."""
        try:
            key = key_of(request._request)
        except KeyRefusedError as error:
            raise AuthenticationFailed(str(error), code=error.code) from error
        return None if key is None else (KeyHolder(key), key)

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return challenge(request)


class TokenAuthentication(JWTAuthentication):
    """Take a JWT from `POST /api/admin/login` as `Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """Return the user and the token; None when the request brings no JWT."""
        token = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
        if token is None or not reads_like_jwt(token):
            return None
        try:
            validated = self.get_validated_token(token.encode())
        # PyJWT reads the header before it checks the signature, however deep its JSON is.
        except (InvalidToken, RecursionError) as error:
            raise AuthenticationFailed(
                "this token is not valid, or has expired", code="token_invalid"
            ) from error
        return self.get_user(validated), validated

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return challenge(request)


def challenge(request: Request) -> str:
    """Return what a 401 asks for; on a call from a page of ours nothing that opens a browser's dialog."""
    is_from_page = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    return _BEARER if is_from_page else CHALLENGE


def key_of(request: HttpRequest) -> ApiKey | None:
    """Return the API key that a request brings, None when it brings none; for doors without DRF.

    Raises:
        KeyRefusedError: It brings one that opens nothing.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    token = bearer_token(header)
    if token is None:
        token = _basic_password(header)
    elif reads_like_jwt(token):
        return None
    return None if token is None else find_key(token, timezone.now())


def bearer_token(header: str) -> str | None:
    """Return the token of an `Authorization: Bearer` header; None for another scheme.

    Clients of InfluxDB call the scheme `Token`.
    """
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else None


def signed_in_user(request: Request) -> User | None:
    """Return the person behind a request; None when it came with an API key or anonymously."""
    return request.user if isinstance(request.user, User) else None


def _basic_password(header: str) -> str | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise MalformedCredentialsError("the Basic credentials are not valid base64") from error
    _, colon, password = decoded.partition(":")
    if not colon:
        raise MalformedCredentialsError("the Basic credentials lack the colon before the password")
    return password
