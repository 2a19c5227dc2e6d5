"""Who may write, at the doors that do without REST framework for speed."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from observability.access.authentication import TokenAuthentication, key_of
from observability.access.errors import KeyRefusedError
from observability.access.scopes import SCOPE_PERMISSIONS, Scope


class NotAdmittedError(Exception):
    """A request may not write; `status` is 401 when it does not say who it is, 403 otherwise."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def admit_writer(request: HttpRequest) -> Mapping[str, str]:
    """Return the labels that are added to what this request writes.

    Raises:
        NotAdmittedError: It may not record metrics.
    """
    try:
        key = key_of(request)
    except KeyRefusedError as error:
        raise NotAdmittedError(401, str(error)) from error
    if key is None:
        _admit_person(request)
        return {}
    if not key.allows(Scope.METRICS_WRITE):
        raise NotAdmittedError(403, f"this needs an API key with the scope {Scope.METRICS_WRITE}")
    labels: dict[str, str] = key.labels
    return labels


def _admit_person(request: HttpRequest) -> None:
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
