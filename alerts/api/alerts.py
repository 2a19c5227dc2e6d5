"""`/api/alerts`: alerts of rules, and those that are reported by hand."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.alert_serializers import AlertInput, AlertOutput
from alerts.manual import NotManualError, report_alert, resolve_alert
from alerts.models import Alert, AlertState, Severity
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope


class AlertPages(CursorPages):
    """Alerts, the newest first."""

    ordering = ("-active_at", "-pk")


class AlertFilters(serializers.Serializer[None]):
    """Which alerts a list holds."""

    state = serializers.ChoiceField(choices=AlertState.choices, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    rule = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class RuleAlertError(APIException):
    """A rule's alert cannot be resolved by hand."""

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
        page = self.paginate_queryset(self.get_queryset().filter(**filters.validated_data)) or []
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


class ResolveAlertView(APIView):
    """The end of an alert that was reported by hand."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="resolve_alert",
        parameters=[OpenApiParameter("pk", int, OpenApiParameter.PATH)],
        request=None,
        responses=AlertOutput,
    )
    def put(self, request: Request, pk: int) -> Response:
        """Resolve an alert that was reported by hand; 409 for an alert of a rule."""
        try:
            alert = resolve_alert(pk, now=timezone.now())
        except Alert.DoesNotExist as error:
            raise NotFound(f"there is no alert {pk}") from error
        except NotManualError as error:
            raise RuleAlertError(str(error)) from error
        return Response(AlertOutput(alert).data)
