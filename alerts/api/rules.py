"""`/api/alert-rules`: rules, and their evaluation on demand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.author import author_of
from alerts.api.rule_serializers import (
    EvaluationOutput,
    EvaluationsOutput,
    RuleInput,
    RuleOutput,
)
from alerts.models import RevisionAction, Rule, RuleGroup, RuleHealth, RuleKind, Severity
from alerts.rules import changes, evaluation
from alerts.rules.errors import ProvisionedError
from alerts.rules.provisioned import refuse_provisioned
from alerts.rules.revisions import Author, note
from observability.access.api_errors import ApiError
from observability.access.authentication import signed_in_user
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend

_WAIT_FOR_BUSY_GROUPS_SECONDS = 2.0
# By what `with_state` counts.
_STATES = {
    "firing": Q(firing_count__gt=0),
    "pending": Q(pending_count__gt=0),
    "inactive": Q(firing_count=0, pending_count=0),
}
PROVISIONED = OpenApiResponse(description="A file of the watched folder says what is in the group.")


class RuleFilters(serializers.Serializer[None]):
    """Which rules a list holds."""

    group = serializers.CharField(required=False, help_text="The name of its group.")
    group_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    file = serializers.CharField(
        required=False, allow_blank=True, help_text="Of its group; empty for groups of the portal."
    )
    state = serializers.ChoiceField(choices=list(_STATES), required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, allow_blank=True)
    health = serializers.ChoiceField(choices=RuleHealth.choices, required=False)
    kind = serializers.ChoiceField(choices=RuleKind.choices, required=False)
    enabled = serializers.BooleanField(required=False)
    search = serializers.CharField(required=False, help_text="Part of a name or an expression.")

    def condition(self) -> Q:
        """Return what the rules must be."""
        fields = {"group": "group__name", "file": "group__file"}
        found = Q()
        for name, value in self.validated_data.items():
            match name:
                case "state":
                    found &= _STATES[value]
                case "search":
                    found &= Q(name__icontains=value) | Q(expr__icontains=value)
                case _:
                    found &= Q((fields.get(name, name), value))
        return found


class RuleListView(generics.GenericAPIView[Rule]):
    """All rules."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = CursorPages
    serializer_class = RuleOutput
    queryset = Rule.objects.with_state()

    @extend_schema(
        operation_id="list_alert_rules",
        tags=["alert rules"],
        parameters=[RuleFilters],
        responses=RuleOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Return rules, newest first."""
        # A plain dictionary: in a form, a switch that is not there would be off.
        filters = RuleFilters(data=request.query_params.dict())
        filters.is_valid(raise_exception=True)
        page = self.paginate_queryset(self.get_queryset().filter(filters.condition())) or []
        return self.get_paginated_response(RuleOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_alert_rule",
        tags=["alert rules"],
        request=RuleInput,
        responses={201: RuleOutput, 409: PROVISIONED},
    )
    def post(self, request: Request) -> Response:
        """Make a rule; it is evaluated at once."""
        given = RuleInput(data=request.data)
        given.is_valid(raise_exception=True)
        rule = _save(given, Rule(created_by=signed_in_user(request)), author=author_of(request))
        return Response(shown_rule(rule.pk), status=status.HTTP_201_CREATED)


class RuleView(generics.GenericAPIView[Rule]):
    """One rule."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    serializer_class = RuleOutput
    queryset = Rule.objects.with_state()

    @extend_schema(operation_id="get_alert_rule", tags=["alert rules"], responses=RuleOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Return one rule."""
        return Response(RuleOutput(self.get_object()).data)

    @extend_schema(
        operation_id="replace_alert_rule",
        tags=["alert rules"],
        request=RuleInput,
        responses={200: RuleOutput, 409: PROVISIONED},
    )
    def put(self, request: Request, pk: int) -> Response:
        """Replace a rule; what is not given takes its default."""
        return self._change(request, partial=False)

    @extend_schema(
        operation_id="change_alert_rule",
        tags=["alert rules"],
        request=RuleInput,
        responses={200: RuleOutput, 409: PROVISIONED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change a rule; what is not given stays."""
        return self._change(request, partial=True)

    @extend_schema(
        operation_id="delete_alert_rule",
        tags=["alert rules"],
        responses={204: None, 409: PROVISIONED},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a rule; its alerts are resolved. It can be restored: see its history."""
        rule = self.get_object()
        conflict_if_provisioned([rule.group])
        changes.delete_rules(
            Rule.objects.filter(pk=rule.pk), now=timezone.now(), author=author_of(request)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, *, partial: bool) -> Response:
        rule = self.get_object()
        conflict_if_provisioned([rule.group])
        given = RuleInput(rule, data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        _save(given, rule, author=author_of(request))
        return Response(shown_rule(rule.pk))


class EvaluateView(APIView):
    """The evaluation of all rules on demand."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="evaluate_alert_rules",
        tags=["alert rules"],
        request=None,
        responses=EvaluationsOutput,
    )
    def post(self, request: Request) -> Response:
        """Evaluate all enabled rules now and return what each of them did."""
        outcomes = evaluation.evaluate_all_groups(
            backend=get_backend(),
            clock=timezone.now,
            wait_seconds=_WAIT_FOR_BUSY_GROUPS_SECONDS,
        )
        return Response({"results": EvaluationOutput(outcomes, many=True).data})


def conflict_if_provisioned(groups: Iterable[RuleGroup]) -> None:
    """Answer 409 when a file of the watched folder provides one of the groups."""
    try:
        refuse_provisioned(groups)
    except ProvisionedError as error:
        raise ApiError(409, str(error), code="provisioned") from error


@transaction.atomic
def _save(given: RuleInput, rule: Rule, *, author: Author) -> Rule:
    now = timezone.now()
    group = _group(given.validated_data, author=author)
    if group is not None:
        conflict_if_provisioned([group])
    changes.save_rule(given.apply(rule, group), now=now, author=author)
    return rule


def _group(values: dict[str, Any], *, author: Author) -> RuleGroup | None:
    """Return the group that a request names, a new one if need be; None when it names none."""
    if group_id := values.get("group_id"):
        return RuleGroup.objects.get(pk=group_id)
    if not (name := values.get("group")):
        return None
    group, is_new = RuleGroup.objects.get_or_create(file="", name=name)
    if is_new:
        note([group], RevisionAction.CREATED, author=author, now=timezone.now())
    return group


def shown_rule(rule_id: int) -> dict[str, object]:
    """Return a rule as the API shows it."""
    return dict(RuleOutput(Rule.objects.with_state().get(pk=rule_id)).data)
