from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.pagination import BoundedPaginator
from alerts.delivery import as_outgoing, retry_now
from alerts.models import Notification, NotificationStatus, Receiver
from alerts.receivers.registry import find_kind, receiver_kinds

_BADGES = {
    "Sent": "success",
    "Pending": "info",
    "Retrying": "warning",
    "Sending": "info",
    "Failed": "danger",
    "Given up": "danger",
}
_LONGEST_ERROR = 120


class ReceiverFilter(admin.SimpleListFilter):
    """Who was to be told?"""

    title = "receiver"
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Receiver.objects.values_list("name", flat=True)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Notification]
    ) -> QuerySet[Notification]:
        return queryset.filter(receiver_name=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    """By which means?"""

    title = "sent by"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.key, kind.title) for kind in receiver_kinds()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Notification]
    ) -> QuerySet[Notification]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Notification)
class NotificationAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    list_display = ("title", "shown_status", "shown_target", "reason", "attempts", "shown_error", "shown_made")  # fmt: skip
    list_filter = ("status", ReceiverFilter, KindFilter, "reason")
    search_fields = ("title", "error")
    search_help_text = "Search titles and errors"
    ordering = ("-pk",)
    paginator = BoundedPaginator
    show_full_result_count = False
    actions = ("retry",)
    change_form_outer_before_template = "alerts/notification.html"
    fieldsets = (
        (None, {"fields": ("shown_status", "title", "receiver_name", "shown_kind", "reason")}),
        ("Delivery", {"fields": ("attempts", "attempted_at", "next_attempt_at", "sent_at", "shown_error", "response")}),
        ("Made", {"fields": ("created_at", "due_at", "idempotency_key")}),
        ("Payload", {"fields": ("shown_payload",), "classes": ("collapse",)}),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_notification")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        rows: QuerySet[Notification] = super().get_queryset(request)
        is_list = request.resolver_match is not None and request.resolver_match.url_name == "alerts_notification_changelist"  # fmt: skip
        return rows.defer("payload", "response", "firing", "resolved") if is_list else rows

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retry_one)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:notification_id>/retry/", view, name="alerts_notification_retry"), *urls]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        notification = Notification.objects.filter(pk=object_id).first() if object_id.isdecimal() else None  # fmt: skip
        kind = find_kind(notification.kind) if notification is not None else None
        shown: dict[str, Any] = {}
        if notification is not None and kind is not None:
            shown = {
                "preview": kind.preview_html(as_outgoing(notification)),
                "may_retry": notification.status in {NotificationStatus.FAILED, NotificationStatus.DEAD}
                and self.has_retry_permission(request),
            }  # fmt: skip
        response: HttpResponse = super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})  # fmt: skip
        return response

    def retry_one(self, request: HttpRequest, notification_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_retry_permission(request):
            return HttpResponse(status=403)
        notification = get_object_or_404(Notification, pk=notification_id)
        self.retry(request, Notification.objects.filter(pk=notification.pk))
        return HttpResponseRedirect(notification.get_absolute_url())

    @admin.action(description="Retry now", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        revived = retry_now(Notification.objects.filter(pk__in=queryset.values("pk")), now=timezone.now())  # fmt: skip
        if revived:
            self.message_user(request, f"{revived} queued to be sent again.")
        else:
            self.message_user(request, "Nothing to send again: only what failed for good, and has no newer message, can be retried.")  # fmt: skip

    @display(description="status", label=_BADGES, ordering="status")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_status(self, notification: Notification) -> str:
        if notification.status == NotificationStatus.PENDING and notification.attempts:
            return "Retrying"
        return str(NotificationStatus(notification.status).label)

    @display(description="to", ordering="receiver_name")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_target(self, notification: Notification) -> SafeString:
        return format_html(
            '<span style="white-space: nowrap">{}<br>{}</span>',
            notification.receiver_name,
            self.shown_kind(notification),
        )

    @display(description="made", ordering="-pk")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_made(self, notification: Notification) -> SafeString:
        made_at = date_format(timezone.localtime(notification.created_at), "j M H:i:s")
        return format_html('<span style="white-space: nowrap">{}</span>', made_at)

    @display(description="sent by", ordering="kind")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_kind(self, notification: Notification) -> str:
        kind = find_kind(notification.kind)
        return kind.title if kind is not None else notification.kind

    @display(description="error")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_error(self, notification: Notification) -> str:
        error = notification.error
        return error if len(error) <= _LONGEST_ERROR else error[: _LONGEST_ERROR - 1] + "…"

    @display(description="payload")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_payload(self, notification: Notification) -> SafeString:
        text = json.dumps(notification.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="portal-payload">{}</pre>', text)
