"""`/api/alerts`: alerts of rules, those that are reported by hand, and what people do about them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.acknowledging import acknowledge, take_back
from alerts.api.alert_serializers import (
    AcknowledgeInput,
    AlertDetailOutput,
    AlertFilters,
    AlertInput,
    AlertOutput,
    CommentInput,
    CommentOutput,
)
from alerts.api.author import author_of
from alerts.commenting import comment
from alerts.listing import select_alerts
from alerts.manual import NotManualError, report_alert, resolve_alert
from alerts.models import Alert, AlertEvent, AlertEventKind
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope

_ID = OpenApiParameter("pk", int, OpenApiParameter.PATH)


class AlertPages(CursorPages):
    """Alerts, the newest first."""

    ordering = ("-active_at", "-pk")


class CommentPages(CursorPages):
    """Comments, the newest first."""

    ordering = ("-at", "-pk")


class ConflictError(APIException):
    """The state of the alert does not allow it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class AlertListView(generics.GenericAPIView[Alert]):
    """All alerts, whoever says that they fire."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = AlertPages
    serializer_class = AlertOutput
    queryset = Alert.objects.all()

    @extend_schema(
        operation_id="list_alerts", parameters=[AlertFilters], responses=AlertOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """Return alerts, newest first."""
        filters = AlertFilters(data=request.query_params)
        filters.is_valid(raise_exception=True)
        alerts = select_alerts(filters.query())
        if fingerprint := filters.validated_data.get("fingerprint"):
            alerts = alerts.filter(fingerprint=fingerprint)
        page = self.paginate_queryset(alerts) or []
        return self.get_paginated_response(AlertOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_alert",
        request=AlertInput,
        responses={201: AlertOutput, 200: AlertOutput},
    )
    def post(self, request: Request) -> Response:
        """Report an alert by hand; 200 instead of 201 when one with its labels fires already."""
        given = AlertInput(data=request.data)
        given.is_valid(raise_exception=True)
        alert, is_new = report_alert(given.report(), now=timezone.now())
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(AlertOutput(alert).data, status=code)


class AlertView(generics.GenericAPIView[Alert]):
    """One alert."""

    permission_classes = (requires(read=Scope.ALERTS_READ),)
    serializer_class = AlertDetailOutput
    queryset = Alert.objects.all()

    @extend_schema(operation_id="get_alert", responses=AlertDetailOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Return one alert with its events and earlier episodes."""
        return Response(AlertDetailOutput(self.get_object()).data)


class AcknowledgeAlertView(APIView):
    """That somebody is on an alert."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="acknowledge_alert",
        parameters=[_ID],
        request=AcknowledgeInput,
        responses=AlertOutput,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Acknowledge an alert, anew if it is already; 409 for one that is resolved."""
        given = AcknowledgeInput(data=request.data)
        given.is_valid(raise_exception=True)
        by = author_of(request).by
        said = given.acknowledgement(by=by)
        if not (done := acknowledge([pk], said, by=by, now=timezone.now())):
            raise ConflictError(f"{_found(pk).name} is resolved already")
        return Response(AlertOutput(done[0]).data)

    @extend_schema(
        operation_id="take_back_acknowledgement",
        parameters=[_ID],
        request=None,
        responses={200: AlertOutput},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Take the acknowledgement back; nothing changes where there is none."""
        take_back([pk], by=author_of(request).by, now=timezone.now())
        return Response(AlertOutput(_found(pk)).data)


class AlertCommentsView(generics.GenericAPIView[AlertEvent]):
    """What people say about an alert."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = CommentPages
    serializer_class = CommentOutput
    queryset = AlertEvent.objects.filter(kind=AlertEventKind.COMMENT)

    @extend_schema(
        operation_id="list_alert_comments",
        parameters=[_ID],
        responses=CommentOutput(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return the comments on an alert, newest first."""
        comments = self.get_queryset().filter(alert=_found(pk))
        page: list[Any] = self.paginate_queryset(comments) or []
        return self.get_paginated_response(CommentOutput(page, many=True).data)

    @extend_schema(
        operation_id="comment_on_alert",
        parameters=[_ID],
        request=CommentInput,
        responses={201: CommentOutput},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Say something about an alert, resolved or not."""
        given = CommentInput(data=request.data)
        given.is_valid(raise_exception=True)
        text = given.validated_data["text"]
        made = comment([pk], text, by=author_of(request).by, now=timezone.now())
        if not made:
            raise _not_found(pk)
        return Response(CommentOutput(made[0]).data, status=status.HTTP_201_CREATED)


class ResolveAlertView(APIView):
    """The end of an alert, said by hand."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="resolve_alert", parameters=[_ID], request=None, responses=AlertOutput
    )
    def put(self, request: Request, pk: int) -> Response:
        """Resolve an alert that was reported by hand, or whose rule has no data; 409 for others."""
        try:
            alert = resolve_alert(pk, by=author_of(request).by, now=timezone.now())
        except Alert.DoesNotExist as error:
            raise _not_found(pk) from error
        except NotManualError as error:
            raise ConflictError(str(error)) from error
        return Response(AlertOutput(alert).data)


def _found(pk: int) -> Alert:
    try:
        return Alert.objects.get(pk=pk)
    except Alert.DoesNotExist as error:
        raise _not_found(pk) from error


def _not_found(pk: int) -> NotFound:
    return NotFound(f"there is no alert {pk}")
