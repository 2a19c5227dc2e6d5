"""`/api/metrics/deletions`: have series or their samples deleted, and see how far that is."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from observability.access.models import ApiKey
from observability.access.pagination import CursorPages
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.models import Deletion, DeletionPhase, DeletionState
from observability.metrics.parameters import parse_timestamp_ms
from observability.metrics.store import deletion
from observability.metrics.store.deletion import read_selector
from observability.metrics.wakeups import wake_deletions
from observability.promql.errors import PromQLError

_MAX_SELECTORS = 100


class _Moment(serializers.CharField):
    """A time, in milliseconds inside."""

    def to_internal_value(self, data: Any) -> Any:
        """Return milliseconds."""
        try:
            return parse_timestamp_ms(str(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class DeletionInput(serializers.Serializer[Any]):
    """What is to be deleted."""

    matchers = serializers.ListField(
        child=serializers.CharField(max_length=10_000),
        min_length=1,
        max_length=_MAX_SELECTORS,
        help_text='Selectors such as up{job="old"}; what any of them selects is deleted.',
    )
    start = _Moment(
        required=False,
        allow_null=True,
        help_text="Unix seconds or ISO 8601. Without start and end, series go altogether.",
    )
    end = _Moment(required=False, allow_null=True, help_text="Included.")

    def validate_matchers(self, value: list[str]) -> list[str]:
        """Refuse what is no selector."""
        for text in value:
            try:
                read_selector(text)
            except PromQLError as error:
                raise serializers.ValidationError(f"{text}: {error}") from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a range that ends before it begins, and what is no field: it may be a misspelled range."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "is no field"))
        start_ms, end_ms = attrs.get("start"), attrs.get("end")
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            raise serializers.ValidationError({"end": "must not be before start"})
        return attrs


class DeletionOutput(serializers.ModelSerializer[Deletion]):
    """A deletion and how far it is."""

    matchers = serializers.ListField(child=serializers.CharField(), source="selectors")
    start = serializers.SerializerMethodField(help_text="Unix seconds; null means all before end.")
    end = serializers.SerializerMethodField(help_text="Unix seconds; null means all after start.")
    state = serializers.ChoiceField(choices=DeletionState.choices)
    phase = serializers.ChoiceField(choices=DeletionPhase.choices)

    class Meta:
        model = Deletion
        fields = (
            "id",
            "matchers",
            "start",
            "end",
            "state",
            "phase",
            "series_count",
            "samples_removed",
            "error",
            "requested_by",
            "requested_at",
            "started_at",
            "finished_at",
        )

    def get_start(self, row: Deletion) -> float | None:
        """Return Unix seconds."""
        return None if row.start_ms is None else row.start_ms / 1000

    def get_end(self, row: Deletion) -> float | None:
        """Return Unix seconds."""
        return None if row.end_ms is None else row.end_ms / 1000


class DeletionListView(generics.GenericAPIView[Deletion]):
    """All deletions, whoever asked for them."""

    permission_classes = (requires(read=Scope.METRICS_READ, write=Scope.ADMIN),)
    pagination_class = CursorPages
    serializer_class = DeletionOutput
    queryset = Deletion.objects.all()

    @extend_schema(operation_id="list_deletions", responses=DeletionOutput(many=True))
    def get(self, request: Request) -> Response:
        """Return deletions, the newest first."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(DeletionOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_deletion", request=DeletionInput, responses={202: DeletionOutput}
    )
    def post(self, request: Request) -> Response:
        """Have series deleted; `state` says when that is done."""
        given = DeletionInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = deletion.request(
            given.validated_data["matchers"],
            start_ms=given.validated_data.get("start"),
            end_ms=given.validated_data.get("end"),
            requested_by=name_of(request),
        )
        wake_deletions()
        row.refresh_from_db()
        location = request.build_absolute_uri(reverse("deletion", args=[row.pk]))
        return Response(DeletionOutput(row).data, status=202, headers={"Location": location})


class DeletionView(APIView):
    """One deletion."""

    permission_classes = (requires(read=Scope.METRICS_READ),)

    @extend_schema(
        operation_id="read_deletion",
        parameters=[OpenApiParameter("pk", int, OpenApiParameter.PATH)],
        responses=DeletionOutput,
    )
    def get(self, request: Request, pk: str) -> Response:
        """Return how far a deletion is."""
        row = Deletion.objects.filter(pk=pk).first() if len(pk) < 19 else None
        if row is None:
            raise NotFound(f"there is no deletion {pk}")
        return Response(DeletionOutput(row).data)


def name_of(request: Request) -> str:
    """Return who asks, as evidence: a key's name or a person's."""
    if isinstance(request.auth, ApiKey):
        return f"key {request.auth.name}"
    return request.user.get_username()
