"""`/api/alert-rules`: rules, and their evaluation on demand."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.serializers import EvaluationOutput, EvaluationsOutput, RuleInput, RuleOutput
from alerts.models import Rule
from alerts.rules import changes, evaluation
from observability.access.authentication import signed_in_user
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend

_WAIT_FOR_BUSY_GROUPS_SECONDS = 2.0


class RuleListView(generics.GenericAPIView[Rule]):
    """All rules."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = CursorPages
    serializer_class = RuleOutput
    queryset = Rule.objects.with_state()

    @extend_schema(operation_id="list_alert_rules", responses=RuleOutput(many=True))
    def get(self, request: Request) -> Response:
        """Return rules, newest first."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(RuleOutput(page, many=True).data)

    @extend_schema(operation_id="create_alert_rule", request=RuleInput, responses={201: RuleOutput})
    def post(self, request: Request) -> Response:
        """Make a rule; it is evaluated at once."""
        given = RuleInput(data=request.data)
        given.is_valid(raise_exception=True)
        rule = given.apply(Rule(created_by=signed_in_user(request)))
        changes.save_rule(rule, now=timezone.now())
        return Response(_shown(rule.pk), status=status.HTTP_201_CREATED)


class RuleView(generics.GenericAPIView[Rule]):
    """One rule."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    serializer_class = RuleOutput
    queryset = Rule.objects.with_state()

    @extend_schema(operation_id="get_alert_rule", responses=RuleOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Return one rule."""
        return Response(RuleOutput(self.get_object()).data)

    @extend_schema(operation_id="replace_alert_rule", request=RuleInput, responses=RuleOutput)
    def put(self, request: Request, pk: int) -> Response:
        """Replace a rule; what is not given takes its default."""
        return self._change(request, partial=False)

    @extend_schema(operation_id="change_alert_rule", request=RuleInput, responses=RuleOutput)
    def patch(self, request: Request, pk: int) -> Response:
        """Change a rule; what is not given stays."""
        return self._change(request, partial=True)

    @extend_schema(operation_id="delete_alert_rule", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a rule; its alerts are resolved."""
        rule = self.get_object()
        changes.delete_rules(Rule.objects.filter(pk=rule.pk), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, *, partial: bool) -> Response:
        rule = self.get_object()
        given = RuleInput(rule, data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        changes.save_rule(given.apply(rule), now=timezone.now())
        return Response(_shown(rule.pk))


class EvaluateView(APIView):
    """The evaluation of all rules on demand."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(operation_id="evaluate_alert_rules", request=None, responses=EvaluationsOutput)
    def post(self, request: Request) -> Response:
        """Evaluate all enabled rules now and return what each of them did."""
        outcomes = evaluation.evaluate_all_groups(
            backend=get_backend(),
            clock=timezone.now,
            wait_seconds=_WAIT_FOR_BUSY_GROUPS_SECONDS,
        )
        return Response({"results": EvaluationOutput(outcomes, many=True).data})


def _shown(rule_id: int) -> dict[str, object]:
    return dict(RuleOutput(Rule.objects.with_state().get(pk=rule_id)).data)
