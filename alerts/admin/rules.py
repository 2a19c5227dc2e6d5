from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.group_form import GroupForm
from alerts.admin.rule_form import PROMQL, SIMPLE, RuleForm
from alerts.admin.shown import SEVERITY_TONES
from alerts.models import Rule, RuleGroup, RuleHealth, Severity
from alerts.rules import changes
from observability.access.shown import Tone, ago, badge
from observability.metrics.backend import get_backend
from observability.promql.durations import format_duration

_HEALTH_TONES: dict[str, Tone] = {
    RuleHealth.OK: "good",
    RuleHealth.ERROR: "bad",
    RuleHealth.UNKNOWN: "neutral",
}
_NAMES_OFFERED = 5_000
_EXPR_SHOWN = 72


class RuleStateFilter(admin.SimpleListFilter):
    """Which rules have alerts now?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("firing", "Firing"), ("pending", "Pending"), ("inactive", "Inactive")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        # Annotated by `with_state`, which the types cannot tell.
        match self.value():
            case "firing":
                return queryset.filter(firing_count__gt=0)
            case "pending":
                return queryset.filter(pending_count__gt=0)
            case "inactive":
                return queryset.filter(firing_count=0, pending_count=0)
            case _:
                return queryset


@admin.register(Rule)
class RuleAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = RuleForm
    list_display = ("name", "shown_expr", "shown_severity", "group", "shown_state", "shown_health", "last_evaluation", "enabled")  # fmt: skip
    list_filter = (RuleStateFilter, "severity", "health", "enabled", "group")
    search_fields = ("name", "expr")
    search_help_text = "Search names and expressions"
    ordering = ("name", "pk")
    show_full_result_count = False
    actions = ("enable", "disable")
    warn_unsaved_form = True
    change_form_after_template = "alerts/rule_form_lists.html"
    readonly_fields = ("compiled", "shown_health", "shown_state", "shown_error", "last_evaluation", "created_by", "updated_at")  # fmt: skip
    empty_title = "No rules yet"
    empty_hint = "A rule watches a metric and raises an alert when it crosses a threshold. Pick a metric, an operator and a threshold: that is all the first one needs."
    conditional_fields = {
        **dict.fromkeys(("metric", "filters", "over_time", "aggregation", "operator", "threshold", "compiled"), f"made_in == '{SIMPLE}'"),
        "window_length": f"made_in == '{SIMPLE}' && over_time != ''",
        "by": f"made_in == '{SIMPLE}' && aggregation != ''",
        "expr": f"made_in == '{PROMQL}'",
    }  # fmt: skip

    class Media:
        js = ("portal/rule_form.js",)

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> list[Any]:
        fieldsets: list[Any] = [
            (None, {"fields": ["name", "severity", "enabled"]}),
            ("Condition", {"fields": ["made_in", "metric", "filters", "over_time", "window_length", "aggregation", "by", "operator", "threshold", "compiled", "expr", "hold_ms"]}),
            ("What people read", {"fields": ["summary", "description", "runbook_url"]}),
            ("Details", {"fields": ["group", "labels", "annotations", "keep_firing_ms", *(["position"] if obj else [])]}),
        ]  # fmt: skip
        if obj is None:
            return fieldsets
        if not self.has_change_permission(request, obj):
            fieldsets[1][1]["fields"] = ["expr", "hold_ms"]
            fieldsets[2][1]["fields"] = []
            fieldsets.pop(2)
        state = ["shown_state", "shown_health", "shown_error", "last_evaluation", "created_by", "updated_at"]  # fmt: skip
        return [*fieldsets, ("State", {"fields": state})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return Rule.objects.with_state().select_related("created_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        urls: list[URLPattern] = super().get_urls()
        return [path("preview/", view, name="alerts_rule_preview"), *urls]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        backend = get_backend()
        names = {
            "metric_names": backend.label_values("__name__")[:_NAMES_OFFERED],
            "label_names": [name for name in backend.label_names() if name != "__name__"],
        }
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**names, **(extra_context or {})}
        )
        return response

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Answer the PromQL of a form that is being filled in, or what is still wrong with it."""
        if not self.has_change_permission(request):
            return HttpResponse(status=403)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = self.get_form(request, None, change=False)(request.POST)
        form.full_clean()
        fields = ("metric", "filters", "window_length", "by", "threshold")
        problems = [form.errors[field][0] for field in fields if field in form.errors]
        if problems:
            return JsonResponse({"problem": problems[0]})
        return JsonResponse({"expr": form.cleaned_data.get("expr", "")})

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        changes.save_rule(obj, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        changes.delete_rules(Rule.objects.filter(pk=obj.pk), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        changes.delete_rules(_plain(queryset), now=timezone.now())

    @admin.action(description="Enable selected rules", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable selected rules", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        count = changes.enable_rules(_plain(queryset), enabled=enabled, now=timezone.now())
        self.message_user(
            request,
            f"{count} rule{'' if count == 1 else 's'} {'enabled' if enabled else 'disabled'}.",
            messages.SUCCESS,
        )

    @display(description="PromQL")  # type: ignore[untyped-decorator] # unfold has no types
    def compiled(self, rule: Rule | None) -> SafeString:
        return format_html(
            '<code id="rule-promql" class="portal-promql" data-url="{}" aria-live="polite">{}</code>',
            reverse("admin:alerts_rule_preview"),
            rule.expr if rule else "",
        )

    @display(description="PromQL", ordering="expr")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_expr(self, rule: Rule) -> SafeString:
        short = rule.expr if len(rule.expr) <= _EXPR_SHOWN else rule.expr[: _EXPR_SHOWN - 1] + "…"
        return format_html('<code class="portal-expr" title="{}">{}</code>', rule.expr, short)

    @display(description="severity", ordering="severity")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_severity(self, rule: Rule) -> SafeString:
        return badge(Severity(rule.severity).label, SEVERITY_TONES[rule.severity])

    @display(description="state", ordering="firing_count")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_state(self, rule: Rule) -> SafeString | str:
        counts: Any = rule
        badges = [
            ("portal-badge-bad", counts.firing_count, "firing"),
            ("portal-badge-warning", counts.pending_count, "pending"),
        ]
        url = reverse("admin:alerts_alert_changelist")
        shown = [(url, rule.pk, css, count, word) for css, count, word in badges if count]
        if not shown:
            return format_html('<span class="portal-quiet">{}</span>', "inactive")
        return format_html_join(
            " ",
            '<a href="{}?rule__id__exact={}" class="portal-badge {}">{} {}</a>',
            shown,
        )

    @display(description="health", ordering="health")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_health(self, rule: Rule) -> SafeString:
        label = RuleHealth(rule.health).label
        return badge(label, _HEALTH_TONES[rule.health], title=rule.last_error)

    @display(description="error")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_error(self, rule: Rule) -> str:
        return rule.last_error or "none"

    @display(description="last evaluation", ordering="group__evaluated_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_evaluation(self, rule: Rule) -> SafeString | str:
        if rule.evaluated_at is None:
            return "never"
        return format_html(
            "<span>{}, {} ms</span>", ago(rule.evaluated_at), f"{rule.duration_ms:.1f}"
        )


@admin.register(RuleGroup)
class RuleGroupAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    list_display = ("name", "shown_interval", "rule_count", "last_evaluation", "shown_duration", "missed_iterations", "enabled")  # fmt: skip
    list_filter = ("enabled",)
    search_fields = ("name",)
    form = GroupForm
    fields = ("name", "owner", "interval_ms", "enabled")
    actions = ("enable", "disable")
    empty_title = "No rule groups yet"
    empty_hint = "Rules of a group are evaluated together, at one interval."

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleGroup]:
        groups: QuerySet[RuleGroup] = super().get_queryset(request)
        return groups.annotate(rule_total=Count("rules"))

    def get_fields(self, request: HttpRequest, obj: RuleGroup | None = None) -> tuple[str, ...]:
        return self.fields if obj is None else (*self.fields, *self._state)

    def get_readonly_fields(
        self, request: HttpRequest, obj: RuleGroup | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else self._state

    _state = ("rule_count", "last_evaluation", "shown_duration", "missed_iterations")

    def save_model(self, request: HttpRequest, obj: RuleGroup, form: Any, change: bool) -> None:
        changes.save_group(obj, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: RuleGroup) -> None:
        changes.delete_groups(RuleGroup.objects.filter(pk=obj.pk), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        changes.delete_groups(_plain_groups(queryset), now=timezone.now())

    @admin.action(description="Enable selected groups", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable selected groups", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[RuleGroup], *, enabled: bool
    ) -> None:
        count = changes.enable_groups(_plain_groups(queryset), enabled=enabled, now=timezone.now())
        self.message_user(
            request,
            f"{count} group{'' if count == 1 else 's'} {'enabled' if enabled else 'disabled'}.",
            messages.SUCCESS,
        )

    @display(description="interval", ordering="interval_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_interval(self, group: RuleGroup) -> str:
        return format_duration(group.interval_ms)

    @display(description="rules", ordering="rule_total")  # type: ignore[untyped-decorator] # unfold has no types
    def rule_count(self, group: Any) -> SafeString:
        url = reverse("admin:alerts_rule_changelist")
        return format_html('<a class="portal-link" href="{}?group__id__exact={}">{}</a>', url, group.pk, group.rule_total)  # fmt: skip

    @display(description="last evaluation", ordering="evaluated_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_evaluation(self, group: RuleGroup) -> SafeString | str:
        return ago(group.evaluated_at) if group.evaluated_at else "never"

    @display(description="took", ordering="duration_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_duration(self, group: RuleGroup) -> str:
        return "" if group.duration_ms is None else f"{group.duration_ms:.1f} ms"


def _plain(queryset: QuerySet[Rule]) -> QuerySet[Rule]:
    """Return the same rules without annotations, whose filters could not be locked or deleted by."""
    return Rule.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))


def _plain_groups(queryset: QuerySet[RuleGroup]) -> QuerySet[RuleGroup]:
    return RuleGroup.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
