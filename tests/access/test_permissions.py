from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from observability.access.permissions import requires
from observability.access.roles import OPERATOR, VIEWER, Role
from observability.access.scopes import Scope

from .cast import bearer, make_key, make_user

pytestmark = pytest.mark.django_db


class Door(APIView):
    permission_classes = (requires(read=Scope.METRICS_READ, write=Scope.METRICS_WRITE),)

    def get(self, request: Request) -> Response:
        return Response()

    def post(self, request: Request) -> Response:
        return Response()


class ReadOnlyDoor(Door):
    permission_classes = (requires(read=Scope.METRICS_READ),)


class ForgottenDoor(APIView):
    def get(self, request: Request) -> Response:
        return Response()


def knock(
    method: str, *, key: str = "", user: User | None = None, door: type[APIView] = Door
) -> tuple[int, str]:
    """Return status and message of an answer."""
    factory: Callable[..., HttpRequest] = getattr(APIRequestFactory(), method)
    request = factory("/", headers=bearer(key) if key else {})
    if user:
        force_authenticate(request, user=user)
    response: HttpResponse = door.as_view()(request)
    response.render()  # type: ignore[attr-defined] # DRF's answers are rendered late
    body = json.loads(response.content) if response.content else {}
    return response.status_code, body.get("error", {}).get("message", "") if body else ""


@pytest.mark.parametrize(
    ("scope", "method", "status"),
    [
        (Scope.METRICS_READ, "get", 200),
        (Scope.METRICS_READ, "options", 200),
        (Scope.METRICS_READ, "post", 403),
        (Scope.METRICS_WRITE, "post", 200),
        (Scope.METRICS_WRITE, "get", 403),
        (Scope.ALERTS_READ, "get", 403),
        (Scope.ADMIN, "get", 200),
        (Scope.ADMIN, "post", 200),
        (Scope.ADMIN, "put", 405),
    ],
)
def test_key_may_do_what_its_scope_says(scope: Scope, method: str, status: int) -> None:
    assert knock(method, key=make_key(scope))[0] == status


@pytest.mark.parametrize(
    ("role", "method", "status"),
    [(VIEWER, "get", 200), (VIEWER, "post", 403), (OPERATOR, "post", 200), (None, "get", 403)],
)
def test_person_may_do_what_the_permission_behind_the_scope_says(
    role: Role | None, method: str, status: int
) -> None:
    assert knock(method, user=make_user(role))[0] == status


def test_refusal_names_the_scope_that_is_missing() -> None:
    _, message = knock("post", key=make_key(Scope.METRICS_READ))

    assert message == "this needs an API key with the scope metrics:write"


def test_refusal_names_the_permission_that_is_missing() -> None:
    _, message = knock("post", user=make_user(VIEWER))

    assert message == "this needs the permission metrics.add_series"


def test_method_without_a_scope_is_open_to_nobody() -> None:
    assert knock("post", key=make_key(Scope.ADMIN), door=ReadOnlyDoor)[0] == 405


def test_view_without_permissions_is_open_to_nobody() -> None:
    assert knock("get", key=make_key(Scope.ADMIN), door=ForgottenDoor)[0] == 403
