from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from alerts.admin.authorship import author_of
from alerts.admin.history import KeepsHistory
from alerts.admin.rule_fields import PROMQL, SIMPLE
from alerts.admin.rule_form import ALERTING_FIELDS, SIMPLE_FIELDS, RuleForm
from alerts.admin.rule_preview import preview_answer
from alerts.admin.rule_readout import RuleReadout
from alerts.models import Rule, RuleKind
from alerts.rules import changes

_IS_ALERTING = f"kind == '{RuleKind.ALERTING}'"
_IS_SIMPLE = f"{_IS_ALERTING} && made_in == '{SIMPLE}'"
_STATE = ("shown_state", "shown_health", "shown_error", "last_evaluation", "created_by", "updated_at")  # fmt: skip
_READ_ONLY = (
    (None, {"fields": ["name", "shown_kind", "shown_severity", "group", "enabled"]}),
    ("Condition", {"fields": ["shown_promql", "shown_resolution", "shown_hold", "shown_keep_firing", "shown_on_no_data", "shown_on_error"]}),
    ("What people read", {"fields": ["shown_annotations", "shown_labels"]}),
    ("State", {"fields": _STATE}),
)  # fmt: skip
_READ_ONLY_RECORDING = (
    (None, {"fields": ["name", "shown_kind", "group", "enabled"]}),
    ("Expression", {"fields": ["shown_promql", "shown_labels"]}),
    ("State", {"fields": _STATE[1:]}),
)


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


class RuleList(ChangeList):
    """Reads each group once and not with each of its rules: it knows how long all of them took."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        rules = super().get_queryset(request, exclude_parameters)
        return rules.select_related(None).prefetch_related("group")


@admin.register(Rule)
class RuleAdmin(KeepsHistory, RuleReadout, ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = RuleForm
    list_display = ("name", "shown_expr", "shown_severity", "group", "shown_state", "shown_health", "last_evaluation", "enabled")  # fmt: skip
    list_filter = (RuleStateFilter, "kind", "severity", "health", "enabled", ("group", AutocompleteSelectFilter))  # fmt: skip
    list_filter_submit = True
    search_fields = ("name", "expr")
    search_help_text = "Search names and expressions"
    ordering = ("name", "pk")
    # unfold works a millisecond on each row.
    list_per_page = 50
    show_full_result_count = False
    autocomplete_fields = ("group",)
    actions = ("enable", "disable")
    warn_unsaved_form = True
    change_form_outer_before_template = "alerts/provisioned.html"
    change_form_after_template = "alerts/rule_form_lists.html"
    readonly_fields = ("compiled", "live_preview", *_STATE)
    empty_title = "No rules yet"
    empty_hint = "A rule watches a metric and raises an alert when it crosses a threshold. Pick a metric, an operator and a threshold: that is all the first one needs."
    conditional_fields = {
        **dict.fromkeys(ALERTING_FIELDS, _IS_ALERTING),
        **dict.fromkeys((*SIMPLE_FIELDS, "compiled"), _IS_SIMPLE),
        "window_length": f"{_IS_SIMPLE} && over_time != ''",
        "by": f"{_IS_SIMPLE} && aggregation != ''",
        "resolve_threshold": f"{_IS_SIMPLE} && operator != '==' && operator != '!='",
        "expr": f"!({_IS_SIMPLE})",
        "resolve_expr": f"{_IS_ALERTING} && made_in == '{PROMQL}'",
    }

    class Media:
        css = {"all": ("portal/rule_form.css",)}
        js = ("vendor/echarts/echarts.min.js", "portal/figures.js", "portal/rule_form.js")

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> list[Any]:
        if obj is not None and not self.has_change_permission(request, obj):
            return list(_READ_ONLY_RECORDING if obj.is_recording else _READ_ONLY)
        fieldsets: list[Any] = [
            (None, {"fields": ["kind", "name", "severity", "enabled"]}),
            ("Condition", {"fields": ["made_in", "metric", "filters", "over_time", "window_length", "aggregation", "by", "operator", "threshold", "resolve_threshold", "compiled", "expr", "resolve_expr", "hold_ms", "live_preview"]}),
            ("What people read", {"fields": ["summary", "description", "runbook_url", "dashboard_url"]}),
            ("Details", {"fields": ["group", "labels", "annotations", "keep_firing_ms", "on_no_data", "on_error", *(["position"] if obj else [])]}),
        ]  # fmt: skip
        return fieldsets if obj is None else [*fieldsets, ("State", {"fields": _STATE})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return Rule.objects.with_state().select_related("created_by")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RuleList

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        return _is_own(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        return _is_own(obj) and super().has_delete_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        urls: list[URLPattern] = super().get_urls()
        return [path("preview/", view, name="alerts_rule_preview"), *urls]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Answer what a form that is being filled in means, or what is still wrong with it."""
        if not self.has_change_permission(request):
            return HttpResponse(status=403)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rule_id = request.POST.get("preview-rule", "")
        rule = get_object_or_404(self.get_queryset(request), pk=rule_id) if rule_id.isdecimal() else None  # fmt: skip
        if rule is not None and not self.has_change_permission(request, rule):
            return HttpResponse(status=403)
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        return JsonResponse(preview_answer(request, form))

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        changes.save_rule(obj, now=timezone.now(), author=author_of(request))

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        rules = Rule.objects.filter(pk=obj.pk)
        changes.delete_rules(rules, now=timezone.now(), author=author_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        changes.delete_rules(_plain(queryset), now=timezone.now(), author=author_of(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Alerts stay as history, so rules are all that is deleted.
        rules = list(objs)
        refused = {"rule of a file"} if any(not _is_own(rule) for rule in rules) else set()
        return [str(rule) for rule in rules], {"rules": len(rules)}, refused, []

    @admin.action(description="Enable selected rules", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable selected rules", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        own = _plain(queryset).filter(group__is_provisioned=False)
        count = changes.enable_rules(
            own, enabled=enabled, now=timezone.now(), author=author_of(request)
        )
        word = "enabled" if enabled else "disabled"
        self.message_user(
            request, f"{count} rule{'' if count == 1 else 's'} {word}.", messages.SUCCESS
        )
        if refused := queryset.filter(group__is_provisioned=True).count():
            self.message_user(
                request, f"{refused} left as they are: only their files say that.", messages.WARNING
            )


def _is_own(rule: Rule | None) -> bool:
    """Say whether a rule is made in the portal, and not by a file of the watched folder."""
    return rule is None or not rule.group.is_provisioned


def _plain(queryset: QuerySet[Rule]) -> QuerySet[Rule]:
    """Return the same rules without annotations, whose filters could not be locked or deleted by."""
    return Rule.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
