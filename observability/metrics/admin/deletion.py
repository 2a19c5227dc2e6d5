from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from observability.metrics.models import Deletion, DeletionPhase, DeletionState
from observability.metrics.store.deletion import UNFINISHED


class DeletionStateFilter(admin.SimpleListFilter):
    """Which deletions are still at work, or have failed?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unfinished", "At work"), ("failed", "Failed"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "unfinished":
                return queryset.filter(state__in=UNFINISHED)
            case "failed" | "done" as state:
                return queryset.filter(state=state)
            case _:
                return queryset


@admin.register(Deletion)
class DeletionAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """What was deleted and by whom; nobody changes that. Adding one leads to the page for it."""

    list_display = ("shown_selectors", "shown_range", "shown_state", "series_count", "samples_removed", "requested_by", "requested_at")  # fmt: skip
    list_filter = (DeletionStateFilter,)
    list_per_page = 50
    search_fields = ("requested_by",)
    search_help_text = "Search by who asked for it"
    show_full_result_count = False
    fields = ("shown_selectors", "shown_range", "requested_by", "requested_at", "started_at", "finished_at", "series_count", "samples_removed")  # fmt: skip
    readonly_fields = fields
    change_form_outer_before_template = "metrics/deletion_progress.html"
    empty_title = "Nothing was deleted"
    empty_hint = "Series that are not wanted any more, or their samples of a range of time, are deleted by a selector. Every deletion is listed here."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("metrics.delete_series"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("metrics-delete-series"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        deletion = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if deletion is not None:
            context |= _progress(deletion)
            context["may_resume"] = self.has_add_permission(request)
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @display(description="selectors")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_selectors(self, deletion: Deletion) -> SafeString:
        return format_html_join(
            SafeString("<br>"),
            '<code class="portal-selector">{}</code>',
            ((text,) for text in deletion.selectors),
        )

    @display(description="range")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_range(self, deletion: Deletion) -> str:
        if deletion.is_whole:
            return "whole series"
        return f"{_moment(deletion.start_ms, 'the oldest')} to {_moment(deletion.end_ms, 'the newest')}"

    @display(  # type: ignore[untyped-decorator] # unfold has no types
        description="state",
        ordering="state",
        label={"done": "success", "failed": "danger", "running": "info", "requested": "info"},
    )
    def shown_state(self, deletion: Deletion) -> str:
        return deletion.get_state_display()


def _moment(timestamp_ms: int | None, otherwise: str) -> str:
    if timestamp_ms is None:
        return otherwise
    moment = timezone.localtime(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def _progress(deletion: Deletion) -> dict[str, Any]:
    """Return how far a deletion is: its phases, each done, at work or to come."""
    phases = [phase for phase in DeletionPhase if deletion.is_whole or phase != DeletionPhase.COLLECTING]  # fmt: skip
    at = len(phases) if deletion.state == DeletionState.DONE else _place(phases, deletion.phase)
    return {
        "deletion": deletion,
        "phases": [
            {"title": phase.label, "is_done": number < at, "is_at_work": number == at}
            for number, phase in enumerate(phases)
        ],
        "metrics_left": deletion.metrics.count(),
        "is_unfinished": deletion.state in UNFINISHED,
        "is_failed": deletion.state == DeletionState.FAILED,
    }


def _place(phases: list[DeletionPhase], phase: str) -> int:
    return phases.index(DeletionPhase(phase)) if phase in phases else len(phases)
