from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.authorship import author_of
from alerts.admin.files import HasRuleFiles
from alerts.admin.group_form import GroupForm
from alerts.admin.history import KeepsHistory
from alerts.admin.rule_readout import shown_pairs
from alerts.models import Rule, RuleGroup
from alerts.rules import changes
from alerts.templatetags.rule_values import as_took
from observability.access.shown import ago, badge
from observability.promql.durations import format_duration

RULES_SHOWN = 100
_STATE = ("last_evaluation", "shown_duration", "shown_missed")
_READ_ONLY = ("name", "file", "owner", "shown_interval", "limit", "shown_offset", "shown_labels", "enabled", *_STATE)  # fmt: skip


@admin.register(RuleGroup)
class RuleGroupAdmin(HasRuleFiles, KeepsHistory, ModelAdmin):  # type: ignore[misc] # unfold has no types
    list_display = ("name", "shown_source", "owner", "shown_interval", "rule_count", "last_run", "enabled")  # fmt: skip
    list_filter = ("enabled", "is_provisioned")
    search_fields = ("name", "owner", "file")
    search_help_text = "Search names, owners and files"
    ordering = ("name", "file", "pk")
    # unfold works a millisecond on each row.
    list_per_page = 50
    show_full_result_count = False
    form = GroupForm
    fields = GroupForm.Meta.fields
    readonly_fields = _STATE
    actions = ("enable", "disable", "export_selected")
    warn_unsaved_form = True
    change_form_outer_before_template = "alerts/group_notices.html"
    change_form_outer_after_template = "alerts/group_rules.html"
    empty_title = "No rule groups yet"
    empty_hint = "Rules of a group are evaluated together, at one interval."

    class Media:
        css = {"all": ("portal/rule_form.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleGroup]:
        groups: QuerySet[RuleGroup] = super().get_queryset(request)
        # A subquery for each row that is shown: a join would count the rules of all groups.
        rules = Rule.objects.filter(group=OuterRef("pk")).order_by().values("group")
        total = Subquery(rules.annotate(total=Count("pk")).values("total"), IntegerField())
        return groups.defer("rule_durations_ms").annotate(rule_total=Coalesce(total, 0))

    def get_fields(self, request: HttpRequest, obj: RuleGroup | None = None) -> tuple[str, ...]:
        if obj is not None and not self.has_change_permission(request, obj):
            return _READ_ONLY
        return self.fields if obj is None else (*self.fields, *_STATE)

    def has_change_permission(self, request: HttpRequest, obj: RuleGroup | None = None) -> bool:
        return _is_own(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: RuleGroup | None = None) -> bool:
        return _is_own(obj) and super().has_delete_permission(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        group = kwargs.get("obj")
        if group is not None:
            rules = group.rules.with_state().select_related(None).order_by("position", "pk")
            context |= {
                "rules": rules[:RULES_SHOWN],
                "is_slow": group.duration_ms is not None and group.duration_ms > group.interval_ms,
                "interval": format_duration(group.interval_ms),
            }
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: RuleGroup, form: Any, change: bool) -> None:
        changes.save_group(obj, now=timezone.now(), author=author_of(request))

    def delete_model(self, request: HttpRequest, obj: RuleGroup) -> None:
        groups = RuleGroup.objects.filter(pk=obj.pk)
        changes.delete_groups(groups, now=timezone.now(), author=author_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        changes.delete_groups(_plain(queryset), now=timezone.now(), author=author_of(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        groups = list(objs)
        count = Rule.objects.filter(group__in=groups).count()
        shown = [f"{group} and its rules" for group in groups]
        refused = {"group of a file"} if any(not _is_own(group) for group in groups) else set()
        return shown, {"groups": len(groups), "rules": count}, refused, []

    @admin.action(description="Enable selected groups", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable selected groups", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[RuleGroup], *, enabled: bool
    ) -> None:
        own = _plain(queryset).filter(is_provisioned=False)
        count = changes.enable_groups(
            own, enabled=enabled, now=timezone.now(), author=author_of(request)
        )
        word = "enabled" if enabled else "disabled"
        self.message_user(
            request, f"{count} group{'' if count == 1 else 's'} {word}.", messages.SUCCESS
        )
        if refused := queryset.filter(is_provisioned=True).count():
            self.message_user(
                request, f"{refused} left as they are: only their files say that.", messages.WARNING
            )

    @display(description="from", ordering="file")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_source(self, group: RuleGroup) -> SafeString | str:
        if not group.file:
            return format_html('<span class="portal-quiet">{}</span>', "the portal")
        return group.file

    @display(description="interval", ordering="interval_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_interval(self, group: RuleGroup) -> str:
        return format_duration(group.interval_ms)

    @display(description="query offset")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_offset(self, group: RuleGroup) -> str:
        return "none" if group.query_offset_ms is None else format_duration(group.query_offset_ms)

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, group: RuleGroup) -> SafeString | str:
        return shown_pairs(group.labels)

    @display(description="rules", ordering="rule_total")  # type: ignore[untyped-decorator] # unfold has no types
    def rule_count(self, group: Any) -> SafeString:
        url = reverse("admin:alerts_rule_changelist")
        return format_html('<a class="portal-link" href="{}?group__id__exact={}">{}</a>', url, group.pk, group.rule_total)  # fmt: skip

    @display(description="last run", ordering="evaluated_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_run(self, group: RuleGroup) -> SafeString | str:
        if group.evaluated_at is None:
            return "never"
        missed = group.missed_iterations
        told = format_html(" {}", badge(f"{missed:,} missed", "warning")) if missed else ""
        return format_html(
            "<span>{}, {}{}</span>", ago(group.evaluated_at), self.shown_duration(group), told
        )

    @display(description="last evaluation", ordering="evaluated_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_evaluation(self, group: RuleGroup) -> SafeString | str:
        return ago(group.evaluated_at) if group.evaluated_at else "never"

    @display(description="took", ordering="duration_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_duration(self, group: RuleGroup) -> SafeString | str:
        if group.duration_ms is None:
            return ""
        took = as_took(group.duration_ms)
        if group.duration_ms <= group.interval_ms:
            return took
        return badge(took, "bad", title="Longer than its interval")

    @display(description="missed iterations", ordering="missed_iterations")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_missed(self, group: RuleGroup) -> SafeString | str:
        if not group.missed_iterations:
            return "0"
        return badge(f"{group.missed_iterations:,}", "warning")


def _is_own(group: RuleGroup | None) -> bool:
    """Say whether a group is made in the portal, and not by a file of the watched folder."""
    return group is None or not group.is_provisioned


def _plain(queryset: QuerySet[RuleGroup]) -> QuerySet[RuleGroup]:
    """Return the same groups without annotations, whose filters could not be locked or deleted by."""
    return RuleGroup.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
