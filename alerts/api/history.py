"""What rules and groups were before, and the way back: `.../history` and `.../revert`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_serializer,
)
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.author import author_of
from alerts.api.group_serializers import GroupWithRulesOutput
from alerts.api.groups import shown_group
from alerts.api.rule_serializers import RuleOutput
from alerts.api.rules import PROVISIONED, shown_rule
from alerts.models import RevisionAction, RevisionSubject, RuleRevision
from alerts.rules.errors import ProvisionedError, RevertError
from alerts.rules.history import changes_of, of_group, of_rule
from alerts.rules.reverting import revert
from observability.access.api_errors import ApiError
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope


class ChangeOutput(serializers.Serializer[Any]):
    """A field that was changed; labels, annotations and parts of the simple form by themselves."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class RevisionOutput(serializers.ModelSerializer[RuleRevision]):
    """One change: `definition` is what it made, or of a deletion what was deleted."""

    subject = serializers.ChoiceField(choices=RevisionSubject.choices)
    action = serializers.ChoiceField(choices=RevisionAction.choices)
    changes = ChangeOutput(many=True, source="changed")

    class Meta:
        model = RuleRevision
        fields = (
            "id",
            "subject",
            "subject_id",
            "name",
            "action",
            "at",
            "by",
            "via",
            "changes",
            "definition",
        )


@extend_schema_serializer(
    examples=[OpenApiExample("Back to a revision", value={"revision": 7}, request_only=True)]
)
class RevertInput(serializers.Serializer[None]):
    """Which revision to go back to."""

    revision = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="Its id in the history."
    )


class RevisionPages(CursorPages):
    """Revisions, the newest first."""

    ordering = ("-at", "-pk")


class _HistoryView(generics.GenericAPIView[RuleRevision]):
    permission_classes = (requires(read=Scope.ALERTS_READ),)
    pagination_class = RevisionPages
    serializer_class = RevisionOutput
    queryset = RuleRevision.objects.all()

    def page(self, found: QuerySet[RuleRevision], what: str) -> Response:
        """Answer with one page; 404 when nothing is known."""
        page = self.paginate_queryset(found) or []
        if not page and not found.exists():
            raise NotFound(f"there is no history of {what}")
        for revision in page:
            revision.changed = changes_of(revision)  # type: ignore[attr-defined] # shown beside it
        return self.get_paginated_response(RevisionOutput(page, many=True).data)


class RuleHistoryView(_HistoryView):
    """The history of one rule."""

    @extend_schema(
        operation_id="list_alert_rule_history",
        tags=["alert rules"],
        responses=RevisionOutput(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return who changed what in a rule, newest first; that of a deleted one is kept."""
        return self.page(of_rule(int(pk)), f"a rule {pk}")


class GroupHistoryView(_HistoryView):
    """The history of one group."""

    @extend_schema(
        operation_id="list_rule_group_history",
        tags=["alert rules"],
        responses=RevisionOutput(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return who changed what in a group and its rules, newest first."""
        return self.page(of_group(int(pk)), f"a rule group {pk}")


class RuleRevertView(APIView):
    """The way of a rule back to what it was."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="revert_alert_rule",
        tags=["alert rules"],
        parameters=[OpenApiParameter("pk", int, OpenApiParameter.PATH)],
        request=RevertInput,
        responses={200: RuleOutput, 409: PROVISIONED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make a rule what it was after a revision; a deleted one comes back with its id."""
        _revert(RevisionSubject.RULE, int(pk), request)
        return Response(shown_rule(int(pk)))


class GroupRevertView(APIView):
    """The way of a group back to what it was."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)

    @extend_schema(
        operation_id="revert_rule_group",
        tags=["alert rules"],
        parameters=[OpenApiParameter("pk", int, OpenApiParameter.PATH)],
        request=RevertInput,
        responses={200: GroupWithRulesOutput, 409: PROVISIONED},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make a group what it was after a revision; a deleted one comes back with its rules."""
        _revert(RevisionSubject.GROUP, int(pk), request)
        return Response(shown_group(int(pk)))


def _revert(subject: RevisionSubject, subject_id: int, request: Request) -> None:
    own = RuleRevision.objects.filter(subject=subject, subject_id=subject_id)
    if not own.exists():
        raise NotFound(f"there is no history of a {subject.label.lower()} {subject_id}")
    given = RevertInput(data=request.data)
    given.is_valid(raise_exception=True)
    number = given.validated_data["revision"]
    revision = own.filter(pk=number).first()
    if revision is None:
        raise serializers.ValidationError({"revision": [f"there is no revision {number} of it"]})
    try:
        revert(revision, now=timezone.now(), by=author_of(request).by)
    except ProvisionedError as error:
        raise ApiError(409, str(error), code="provisioned") from error
    except RevertError as error:
        raise ApiError(409, str(error), code="conflict") from error
