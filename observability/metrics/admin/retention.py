from __future__ import annotations

import time
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from observability.access.pages import render_page
from observability.metrics.models import RetentionPolicy
from observability.metrics.store import retention
from observability.metrics.store.retention_effect import (
    effect_of_deleting,
    effect_of_saving,
    metrics_of,
)

# Set by the page that shows what a change frees.
_CONFIRMED = "_confirmed"


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """Whoever saves or deletes a policy sees first what is deleted by it."""

    list_display = ("shown_pattern", "shown_position", "shown_raw", "shown_5m", "shown_1h")
    list_per_page = 200
    show_full_result_count = False
    # One by one, each with its preview.
    actions = None
    delete_confirmation_template = "metrics/retention_delete.html"

    def get_fields(self, request: HttpRequest, obj: RetentionPolicy | None = None) -> list[str]:
        days = ["raw_days", "rollup_5m_days", "rollup_1h_days"]
        if obj is None:
            return ["pattern", "position", *days]
        if obj.is_default:
            return [*days, "shown_metrics"]
        return ["pattern", "position", *days, "shown_metrics"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: RetentionPolicy | None = None
    ) -> tuple[str, ...]:
        return ("shown_metrics",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPolicy]:
        queryset: QuerySet[RetentionPolicy] = super().get_queryset(request)
        return queryset.order_by("is_default", "position", "pk")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("is_default", "position", "pk")

    def has_delete_permission(
        self, request: HttpRequest, obj: RetentionPolicy | None = None
    ) -> bool:
        # Without it, what no other policy matches would be kept as the portal likes.
        is_default = obj is not None and obj.is_default
        return bool(super().has_delete_permission(request, obj)) and not is_default

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and _CONFIRMED not in request.POST:
            page = self._preview(request, object_id)
            if page is not None:
                return page
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, extra_context
        )
        return response

    def _preview(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """Return the page that says what saving would free; None when there is nothing to save."""
        policy = None if object_id is None else self.get_object(request, unquote(object_id))
        may = (
            self.has_add_permission(request)
            if policy is None
            else self.has_change_permission(request, policy)
        )
        if not may or (object_id is not None and policy is None):
            return None
        form = self.get_form(request, policy, change=policy is not None)(
            request.POST, instance=policy
        )
        if not form.is_valid():
            return None
        return render_page(
            request,
            "metrics/retention_preview.html",
            title=f"Save retention of {form.instance}",
            context={
                "opts": self.opts,
                "policy": form.instance,
                "effect": effect_of_saving(form.instance, now_ms=_now_ms()),
                "posted": [
                    (name, value)
                    for name, values in request.POST.lists()
                    for value in values
                    if name != "csrfmiddlewaretoken"
                ],
                "confirmed": _CONFIRMED,
                "back_url": reverse("admin:metrics_retentionpolicy_changelist"),
            },
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        policy = self.get_object(request, unquote(object_id))
        context = dict(extra_context or {})
        if policy is not None and self.has_delete_permission(request, policy):
            context["effect"] = effect_of_deleting(policy, now_ms=_now_ms())
        response: HttpResponse = super().delete_view(request, object_id, context)
        return response

    def save_model(
        self, request: HttpRequest, obj: RetentionPolicy, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        retention.forget()

    def delete_model(self, request: HttpRequest, obj: RetentionPolicy) -> None:
        super().delete_model(request, obj)
        retention.forget()

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str | list[Any]:
        # What it was matters most when samples are missed.
        if add:
            return f"Added: {_in_words(form.instance)}."
        changes = [
            f"{name} from {form.initial[name]} to {form.cleaned_data[name]}"
            for name in form.changed_data
        ]
        return f"Changed {', '.join(changes)}." if changes else "Changed nothing."

    @display(description="metrics", ordering="pattern")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_pattern(self, policy: RetentionPolicy) -> SafeString | str:
        return str(policy) if policy.is_default else format_html("<code>{}</code>", policy.pattern)

    @display(description="position", ordering="position")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_position(self, policy: RetentionPolicy) -> str:
        return "last" if policy.is_default else str(policy.position)

    @display(description="raw samples", ordering="raw_days")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_raw(self, policy: RetentionPolicy) -> str:
        return _days(policy.raw_days)

    @display(description="5-minute rollups", ordering="rollup_5m_days")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_5m(self, policy: RetentionPolicy) -> str:
        return _days(policy.rollup_5m_days)

    @display(description="1-hour rollups", ordering="rollup_1h_days")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_1h(self, policy: RetentionPolicy) -> str:
        return _days(policy.rollup_1h_days)

    @display(description="counts for")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_metrics(self, policy: RetentionPolicy) -> SafeString | str:
        count, names = metrics_of(policy)
        if not count:
            return "no metric at the moment"
        chips = format_html_join("", '<span class="portal-chip">{}</span>', ((n,) for n in names))
        more = f" and {count - len(names):,} more" if count > len(names) else ""
        return format_html('<span class="portal-chips">{}{}</span>', chips, more)


def _days(days: int) -> str:
    return "not kept" if days == 0 else "1 day" if days == 1 else f"{days:,} days"


def _in_words(policy: RetentionPolicy) -> str:
    return (
        f"{policy}: raw samples {_days(policy.raw_days)}, 5-minute rollups"
        f" {_days(policy.rollup_5m_days)}, 1-hour rollups {_days(policy.rollup_1h_days)}"
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
