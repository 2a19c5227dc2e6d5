"""`/api/rule-groups`: groups of rules, and the order of their rules."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.author import author_of
from alerts.api.group_serializers import (
    GroupInput,
    GroupOutput,
    GroupWithRulesOutput,
    OrderInput,
)
from alerts.api.rules import PROVISIONED, conflict_if_provisioned
from alerts.models import Rule, RuleGroup
from alerts.rules import changes
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope


class GroupFilters(serializers.Serializer[None]):
    """Which groups a list holds."""

    name = serializers.CharField(required=False)
    file = serializers.CharField(
        required=False, allow_blank=True, help_text="Empty for groups of the portal."
    )
    is_provisioned = serializers.BooleanField(required=False)
    enabled = serializers.BooleanField(required=False)
    owner = serializers.CharField(required=False)
    search = serializers.CharField(
        required=False, help_text="Part of a name, an owner or a file's name."
    )

    def condition(self) -> Q:
        """Return what the groups must be."""
        values = dict(self.validated_data)
        text = values.pop("search", "")
        found = (
            Q(name__icontains=text) | Q(owner__icontains=text) | Q(file__icontains=text)
            if text
            else Q()
        )
        return found & Q(**values)


class GroupListView(generics.GenericAPIView[RuleGroup]):
    """All groups."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    pagination_class = CursorPages
    serializer_class = GroupOutput
    queryset = RuleGroup.objects.annotate(rule_total=Count("rules"))

    @extend_schema(
        operation_id="list_rule_groups",
        tags=["alert rules"],
        parameters=[GroupFilters],
        responses=GroupOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Return groups, newest first."""
        filters = GroupFilters(data=request.query_params.dict())
        filters.is_valid(raise_exception=True)
        page = self.paginate_queryset(self.get_queryset().filter(filters.condition())) or []
        return self.get_paginated_response(GroupOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_rule_group",
        tags=["alert rules"],
        request=GroupInput,
        responses={201: GroupWithRulesOutput},
    )
    def post(self, request: Request) -> Response:
        """Make a group."""
        given = GroupInput(data=request.data)
        given.is_valid(raise_exception=True)
        group = given.apply(RuleGroup())
        changes.save_group(group, now=timezone.now(), author=author_of(request))
        return Response(shown_group(group.pk), status=status.HTTP_201_CREATED)


class GroupView(generics.GenericAPIView[RuleGroup]):
    """One group."""

    permission_classes = (requires(read=Scope.ALERTS_READ, write=Scope.ALERTS_WRITE),)
    serializer_class = GroupWithRulesOutput
    queryset = RuleGroup.objects.all()

    @extend_schema(
        operation_id="get_rule_group", tags=["alert rules"], responses=GroupWithRulesOutput
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return one group with its rules."""
        return Response(shown_group(self.get_object().pk))

    @extend_schema(
        operation_id="replace_rule_group",
        tags=["alert rules"],
        request=GroupInput,
        responses={200: GroupWithRulesOutput, 409: PROVISIONED},
    )
    def put(self, request: Request, pk: int) -> Response:
        """Replace a group, but not its rules; what is not given takes its default."""
        return self._change(request, partial=False)

    @extend_schema(
        operation_id="change_rule_group",
        tags=["alert rules"],
        request=GroupInput,
        responses={200: GroupWithRulesOutput, 409: PROVISIONED},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change a group; what is not given stays."""
        return self._change(request, partial=True)

    @extend_schema(
        operation_id="delete_rule_group",
        tags=["alert rules"],
        responses={204: None, 409: PROVISIONED},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a group with its rules; their alerts are resolved."""
        group = self.get_object()
        conflict_if_provisioned([group])
        changes.delete_groups(
            RuleGroup.objects.filter(pk=group.pk), now=timezone.now(), author=author_of(request)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, *, partial: bool) -> Response:
        group = self.get_object()
        conflict_if_provisioned([group])
        given = GroupInput(group, data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        changes.save_group(given.apply(group), now=timezone.now(), author=author_of(request))
        return Response(shown_group(group.pk))


class GroupOrderView(APIView):
    """The order of a group's rules."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="order_rule_group",
        tags=["alert rules"],
        parameters=[OpenApiParameter("pk", int, OpenApiParameter.PATH)],
        request=inline_serializer(
            "OrderInput", {"rules": serializers.ListField(child=serializers.IntegerField())}
        ),
        responses={200: GroupWithRulesOutput, 409: PROVISIONED},
    )
    def put(self, request: Request, pk: int) -> Response:
        """Evaluate the rules of a group in another order; all of them have to be named."""
        group = generics.get_object_or_404(RuleGroup.objects.all(), pk=pk)
        conflict_if_provisioned([group])
        given = OrderInput(data=request.data, group=group)
        given.is_valid(raise_exception=True)
        changes.order_rules(
            group,
            given.validated_data["rules"],
            now=timezone.now(),
            author=author_of(request),
        )
        return Response(shown_group(pk))


def shown_group(group_id: int) -> dict[str, Any]:
    """Return a group with its rules as the API shows it."""
    groups: QuerySet[Any] = RuleGroup.objects.annotate(rule_total=Count("rules"))
    group = groups.get(pk=group_id)
    group.shown_rules = Rule.objects.with_state().filter(group=group_id).order_by("position", "pk")
    return dict(GroupWithRulesOutput(group).data)
