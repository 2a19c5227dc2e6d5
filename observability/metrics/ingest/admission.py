"""Who may write, at the doors that do without REST framework for speed."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from observability.access.authentication import TokenAuthentication
from observability.access.errors import KeyRefusedError
from observability.access.models import ApiKey
from observability.access.recent_keys import recent_key_of
from observability.access.scopes import SCOPE_PERMISSIONS, Scope
from observability.metrics.ingest.sender import Sender


class NotAdmittedError(Exception):
    """A request may not write; `status` is 401 when it does not say who it is, 403 otherwise."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def admit_writer(request: HttpRequest) -> Sender:
    """Return who writes.

    Raises:
        NotAdmittedError: It may not record metrics.
    """
    try:
        key = recent_key_of(request)
    except KeyRefusedError as error:
        raise NotAdmittedError(401, str(error)) from error
    if key is None:
        return Sender(name=_admit_person(request))
    if not key.allows(Scope.METRICS_WRITE):
        raise NotAdmittedError(403, f"this needs an API key with the scope {Scope.METRICS_WRITE}")
    return sender_of(key)


def sender_of(key: ApiKey) -> Sender:
    """Return the holder of a key as a sender."""
    return Sender(
        name=key.name,
        key_id=key.pk,
        added_labels=key.labels,
        new_series_per_minute=key.new_series_per_minute,
    )


def _admit_person(request: HttpRequest) -> str:
    """Return the name of the person who writes."""
    authenticators = [TokenAuthentication(), SessionAuthentication()]
    try:
        user = Request(request, authenticators=authenticators).user
    except APIException as error:
        raise NotAdmittedError(error.status_code, str(error.detail)) from error
    if not user.is_authenticated:
        raise NotAdmittedError(401, "this needs an API key")
    permission = SCOPE_PERMISSIONS[Scope.METRICS_WRITE]
    if not user.has_perm(permission):
        raise NotAdmittedError(403, f"this needs the permission {permission}")
    return user.get_username()
