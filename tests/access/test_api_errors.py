from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from observability.access import api_errors
from observability.access.api_errors import ApiError


class Item(serializers.Serializer[Any]):
    name = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField(max_length=3), required=False)


def answer_of(handle: Callable[[Request], Any], **request: Any) -> tuple[int, dict[str, Any], Any]:
    """Return status, error and headers of a view that does this with a POST."""

    class Door(APIView):
        authentication_classes = ()
        permission_classes = (AllowAny,)

        def post(self, request: Request) -> Response:
            return Response(handle(request))

    given = {"path": "/", "data": b"{}", "content_type": "application/json"} | request
    response = Door.as_view()(APIRequestFactory().post(**given))
    response.render()
    return response.status_code, json.loads(response.content)["error"], response


def raising(error: Exception) -> Callable[[Request], Any]:
    def handle(request: Request) -> Any:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.NotFound(), 404, "not_found"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "unsupported_media_type"),
        (exceptions.Throttled(wait=7), 429, "throttled"),
        (exceptions.ParseError("bad"), 400, "bad_request"),
        (exceptions.ValidationError("bad"), 422, "invalid"),
        (SuspiciousOperation("odd"), 400, "bad_request"),
        (OperationalError("server closed the connection"), 503, "unavailable"),
        (ApiError(409, "it is there already", code="conflict"), 409, "conflict"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_has_its_status_and_one_form(error: Exception, status: int, code: str) -> None:
    answered, body, _ = answer_of(raising(error))

    assert (answered, body["code"]) == (status, code)
    assert set(body) == {"code", "message", "details"}
    assert isinstance(body["message"], str)
    assert body["message"]


def test_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        answer_of(raising(ZeroDivisionError()))


def test_database_error_keeps_its_text_to_itself() -> None:
    _, body, _ = answer_of(raising(OperationalError("host 10.0.0.7 user portal")))

    assert "10.0.0.7" not in body["message"]


def test_throttled_client_is_told_when_to_come_back() -> None:
    _, _, response = answer_of(raising(exceptions.Throttled(wait=7)))

    assert response["Retry-After"] == "7"


def test_malformed_json_is_a_bad_request() -> None:
    status, body, _ = answer_of(lambda request: request.data, data=b'{"a": ')

    assert (status, body["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "body",
    [b"[" * 20_000, b'{"a":' * 3_000, b"[" * 200 + b"]" * 200],
    ids=["lists", "objects", "well-formed"],
)
def test_deeply_nested_json_is_a_bad_request(body: bytes) -> None:
    status, error, _ = answer_of(lambda request: request.data, data=body)

    assert (status, error["code"]) == (400, "bad_request")
    assert "levels deep" in error["message"]


def test_json_of_usual_depth_is_read() -> None:
    body = b"[" * 60 + b"1" + b"]" * 60
    read: list[Any] = []

    def handle(request: Request) -> Any:
        read.append(request.data)
        raise ApiError(409, "read")

    status, _, _ = answer_of(handle, data=body)

    assert (status, json.dumps(read).encode()) == (409, b"[" + body + b"]")


def test_other_media_type_is_unsupported() -> None:
    status, _, _ = answer_of(lambda request: request.data, content_type="text/csv")

    assert status == 415


def test_body_above_the_limit_is_too_large(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    status, body, _ = answer_of(lambda request: request.data, data=b'{"name": "x"}')

    assert (status, body["code"]) == (413, "too_large")


def test_invalid_values_are_listed_with_their_fields() -> None:
    def handle(request: Request) -> Any:
        Item(data={"labels": {"a": "long"}}).is_valid(raise_exception=True)

    status, body, _ = answer_of(handle)

    assert status == 422
    assert body["details"] == [
        {"field": "name", "message": "This field is required."},
        {"field": "labels.a", "message": "Ensure this field has no more than 3 characters."},
    ]


def test_invalid_items_of_a_list_are_listed_with_their_places() -> None:
    def handle(request: Request) -> Any:
        Item(data=[{"name": "a"}, {}], many=True).is_valid(raise_exception=True)

    _, body, _ = answer_of(handle)

    assert body["details"] == [{"index": 1, "field": "name", "message": "This field is required."}]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_api_address_that_leads_nowhere_is_answered_in_json(client: Client, method: str) -> None:
    answer = getattr(client, method)("/api/nowhere")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (lambda request: api_errors.not_found(request, Http404()), 404),
        (lambda request: api_errors.permission_denied(request, PermissionDenied()), 403),
        (lambda request: api_errors.bad_request(request, SuspiciousOperation()), 400),
        (api_errors.server_error, 500),
    ],
    ids=["404", "403", "400", "500"],
)
def test_form_of_an_error_outside_drf_follows_the_address(
    handler: Callable[..., Any], status: int
) -> None:
    api, page = (handler(RequestFactory().get(path)) for path in ("/api/x", "/page"))

    assert api.status_code == page.status_code == status
    assert api["Content-Type"] == "application/json"
    assert page["Content-Type"].startswith("text/html")


def test_a_conflict_has_a_code_of_its_own() -> None:
    assert ApiError(409, "somebody was faster").get_codes() == "conflict"
