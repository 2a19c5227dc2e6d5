"""`POST /api/admin/login` and `/api/admin/refresh`: a JWT for a user name and password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

CHALLENGE = 'Bearer realm="portal"'
"""What a failed login asks for; no Basic, or browsers would open their own dialog."""


class LoginInput(serializers.Serializer[Any]):
    """Who wants to sign in."""

    username = serializers.CharField(default="admin", max_length=150)
    password = serializers.CharField(trim_whitespace=False, max_length=4096)


class RefreshInput(serializers.Serializer[Any]):
    """The refresh token of an earlier login."""

    refresh = serializers.CharField(max_length=4096)


class TokenOutput(serializers.Serializer[Any]):
    """What a login brings."""

    token = serializers.CharField(help_text="Send it as `Authorization: Bearer <token>`.")
    refresh = serializers.CharField(help_text="Gets a new token from `/api/admin/refresh`.")
    expires_at = serializers.DateTimeField(help_text="When `token` stops working.")


class LoginView(APIView):
    """Sign in with user name and password.

    After too many failures the answer is 429 until the lock-out is over.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE

    @extend_schema(operation_id="login", request=LoginInput, responses=TokenOutput)
    def post(self, request: Request) -> Response:
        """Return a token for a user name and password."""
        given = LoginInput(data=request.data)
        given.is_valid(raise_exception=True)
        user = authenticate(request._request, **given.validated_data)
        if not isinstance(user, User):
            raise AuthenticationFailed("the user name or the password is wrong", "login_failed")
        # Notes the login, and lets the count of failures start anew.
        user_logged_in.send(sender=User, request=request._request, user=user)
        return Response(_tokens(RefreshToken.for_user(user)))


class RefreshView(APIView):
    """Get a new token before or after the old one has expired, without the password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE

    @extend_schema(operation_id="refresh_login", request=RefreshInput, responses=TokenOutput)
    def post(self, request: Request) -> Response:
        """Return a new token for a refresh token."""
        given = RefreshInput(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            refresh = RefreshToken(given.validated_data["refresh"])
        # PyJWT reads the header before it checks the signature, however deep its JSON is.
        except (TokenError, RecursionError) as error:
            raise AuthenticationFailed(
                "this refresh token is not valid, or has expired", "token_invalid"
            ) from error
        user = User.objects.filter(
            pk=refresh.get(api_settings.USER_ID_CLAIM), is_active=True
        ).first()
        if user is None or not _is_of_current_password(refresh, user):
            raise AuthenticationFailed(
                "sign in again: the user or the password has changed", "token_revoked"
            )
        return Response(_tokens(refresh))


def _is_of_current_password(refresh: RefreshToken, user: User) -> bool:
    claim = refresh.get(api_settings.REVOKE_TOKEN_CLAIM)
    return bool(claim == get_md5_hash_password(user.password))


def _tokens(refresh: RefreshToken) -> dict[str, str]:
    access = refresh.access_token
    return {
        "token": str(access),
        "refresh": str(refresh),
        "expires_at": datetime.fromtimestamp(access["exp"], tz=UTC).isoformat(),
    }
