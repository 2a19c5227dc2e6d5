"""`/api/backtests`: what a rule would have done."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.api.backtest_serializers import BacktestInput, BacktestOutput, BacktestSummary
from alerts.models import Backtest
from alerts.rules.backtesting import runs
from alerts.rules.backtesting.errors import BacktestError
from observability.access.api_errors import ApiError
from observability.access.authentication import signed_in_user
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope


class BacktestListView(generics.GenericAPIView[Backtest]):
    """All backtests of the past 30 days."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = CursorPages
    serializer_class = BacktestSummary
    queryset = Backtest.objects.defer("result", "state")

    @extend_schema(
        operation_id="list_backtests", tags=["backtests"], responses=BacktestSummary(many=True)
    )
    def get(self, request: Request) -> Response:
        """Return backtests without their results, newest first."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(BacktestSummary(page, many=True).data)

    @extend_schema(
        operation_id="create_backtest",
        tags=["backtests"],
        request=BacktestInput,
        responses={
            202: BacktestSummary,
            429: OpenApiResponse(description="Too many backtests are waiting."),
        },
    )
    def post(self, request: Request) -> Response:
        """Start a backtest; ask for it by its id to see how far it is."""
        given = BacktestInput(data=request.data)
        given.is_valid(raise_exception=True)
        start_at, end_at = given.times()
        try:
            backtest = runs.request(
                given.rule_definition(),
                start_at=start_at,
                end_at=end_at,
                now=timezone.now(),
                rule_id=given.validated_data.get("rule"),
                by=signed_in_user(request),
            )
        except BacktestError as error:
            if not error.field:
                raise ApiError(429, error.message) from error
            raise serializers.ValidationError({error.field: [error.message]}) from error
        return Response(BacktestSummary(backtest).data, status=status.HTTP_202_ACCEPTED)


class BacktestView(generics.GenericAPIView[Backtest]):
    """One backtest."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    serializer_class = BacktestOutput
    queryset = Backtest.objects.defer("state")

    @extend_schema(operation_id="get_backtest", tags=["backtests"], responses=BacktestOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Return how far a backtest is, and what it has found."""
        return Response(BacktestOutput(self.get_object()).data)

    @extend_schema(operation_id="cancel_backtest", tags=["backtests"], responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Cancel a backtest; what it has found by then stays. One that has ended stays as it is."""
        runs.cancel(self.get_object().pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
