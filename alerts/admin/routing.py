from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts.admin.durations import RuleDurationField
from alerts.models import Integration, Notification, NotificationReason, Receiver, Route
from alerts.receivers.base import ReceiverKind
from alerts.receivers.registry import find_kind, receiver_kinds
from alerts.routing.dispatch import redispatch
from alerts.routing.grouping import GROUP_BY_ALL
from alerts.routing.trial import send_test
from observability.access.pages import render_page

_TESTS_SHOWN = 10


class IntegrationInline(StackedInline):  # type: ignore[misc] # unfold has no types
    """The integrations of one kind; each kind has its own form."""

    model = Integration
    kind: ReceiverKind
    readonly_fields = ("target",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        rows: QuerySet[Integration] = super().get_queryset(request)
        return rows.filter(kind=self.kind.key)

    def get_fields(self, request: HttpRequest, obj: Receiver | None = None) -> list[str]:
        if not self.has_change_permission(request, obj):
            return ["target", "send_resolved", "enabled"]
        return [*self.form.config_fields, *self.form.secret_fields, "send_resolved", "enabled"]

    def get_extra(self, request: HttpRequest, obj: Receiver | None = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0

    @display(description="to")  # type: ignore[untyped-decorator] # unfold has no types
    def target(self, integration: Integration) -> str:
        return self.kind.target(integration)


def _inline(kind: ReceiverKind) -> type[IntegrationInline]:
    attributes = {
        "kind": kind,
        "form": kind.form,
        "verbose_name": kind.title,
        "verbose_name_plural": kind.title,
    }
    return type(f"{kind.key.title()}Inline", (IntegrationInline,), attributes)


@admin.register(Receiver)
class ReceiverAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    fields = ("name",)
    list_display = ("name", "shown_integrations", "is_routed")
    search_fields = ("name",)
    inlines = [_inline(kind) for kind in receiver_kinds()]
    actions_detail = ("test",)
    actions_row = ("test",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receiver]:
        rows: QuerySet[Receiver] = super().get_queryset(request)
        return rows.annotate(
            has_route=Exists(Route.objects.filter(receiver=OuterRef("pk")))
        ).prefetch_related("integrations")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_page)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:receiver_id>/tests/", view, name="alerts_receiver_tests"), *urls]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        receiver, root = form.instance, Route.objects.root()
        if root.receiver is None:
            # Otherwise the first receiver would be one that nothing leads to.
            root.receiver = receiver
            root.save(update_fields=["receiver"])
            self.message_user(request, f"{receiver} is told about all alerts: it is the root route's receiver now.")  # fmt: skip
        # A new integration shall hear of what is firing now.
        for route in receiver.routes.all():
            redispatch(route, now=timezone.now())

    @action(description="Send test", icon="send", permissions=["change"])  # type: ignore[untyped-decorator] # unfold has no types
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        # Only leads there: what sends is a POST.
        return HttpResponseRedirect(reverse("admin:alerts_receiver_tests", args=[object_id]))

    def test_page(self, request: HttpRequest, receiver_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        receiver = get_object_or_404(Receiver, pk=receiver_id)
        if request.method == "POST":
            send_test(receiver, now=timezone.now())
            return HttpResponseRedirect(request.path)
        tests = Notification.objects.filter(
            integration__receiver=receiver, reason=NotificationReason.TEST
        ).select_related("integration")[:_TESTS_SHOWN]
        return render_page(
            request,
            "alerts/receiver_tests.html",
            title=f"Test {receiver}",
            context={
                "receiver": receiver,
                "integrations": _described(receiver.integrations.all()),
                "tests": tests,
                "is_waiting": any(test.is_unfinished for test in tests),
            },
        )

    @display(description="told by")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_integrations(self, receiver: Receiver) -> SafeString | str:
        lines = [
            (f"{title}: {target}" + ("" if integration.enabled else " (off)"),)
            for integration, title, target in _described(receiver.integrations.all())
        ]
        return format_html_join(SafeString("<br>"), "{}", lines) or "nobody yet"

    @display(description="has a route", boolean=True)  # type: ignore[untyped-decorator] # unfold has no types
    def is_routed(self, receiver: Receiver) -> bool:
        return bool(receiver.has_route)  # type: ignore[attr-defined] # annotated


def _described(integrations: Any) -> list[tuple[Integration, str, str]]:
    """Return integrations with the title of their kind and where they lead."""
    found = [(integration, find_kind(integration.kind)) for integration in integrations]
    return [
        (integration, kind.title, kind.target(integration))
        for integration, kind in found
        if kind is not None
    ]


class LabelNamesField(forms.CharField):
    """Label names divided by commas or spaces."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        names = list(dict.fromkeys(text.replace(",", " ").split()))
        if GROUP_BY_ALL in names and len(names) > 1:
            raise forms.ValidationError("'...' stands for all labels; write no others.", code="all")
        return names

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class RouteForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    group_by = LabelNamesField(
        required=False,
        help_text="Alerts with equal values of these labels share one message. Empty: all alerts "
        "share one. '...': each alert has its own.",
    )
    group_wait_ms = RuleDurationField(
        label="Group wait", help_text="How long a new group waits for more alerts, such as 30s."
    )
    group_interval_ms = RuleDurationField(
        label="Group interval",
        help_text="How long until changes in a group are told, such as 5m; at least 1s.",
    )
    repeat_interval_ms = RuleDurationField(
        label="Repeat interval",
        help_text="How long until a group that still fires is told again, such as 4h.",
    )

    class Meta:
        model = Route
        fields = ("receiver", "group_by", "group_wait_ms", "group_interval_ms", "repeat_interval_ms")  # fmt: skip

    def clean_group_interval_ms(self) -> int:
        duration_ms: int = self.cleaned_data["group_interval_ms"]
        if duration_ms < 1_000:
            raise forms.ValidationError("At least 1s.", code="min")
        return duration_ms

    def clean_repeat_interval_ms(self) -> int:
        duration_ms: int = self.cleaned_data["repeat_interval_ms"]
        if duration_ms < 1_000:
            raise forms.ValidationError("At least 1s.", code="min")
        return duration_ms


@admin.register(Route)
class RouteAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = RouteForm
    autocomplete_fields = ("receiver",)
    warn_unsaved_form = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Route | None = None) -> bool:
        # There is always a root route.
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        # As long as the tree is its root, the root's page is the tree's.
        return HttpResponseRedirect(Route.objects.root().get_absolute_url())

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        redispatch(obj, now=timezone.now())
