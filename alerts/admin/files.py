from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from alerts.models import RuleGroup, WatchedRuleFile
from observability.access.shown import ago, badge


class HasRuleFiles:
    """Lets the list of groups give them as a file, and take files."""

    actions_list = ("import_files", "export_files")

    @action(description="Import", icon="upload", permissions=["change"])  # type: ignore[untyped-decorator] # unfold has no types
    def import_files(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("alerts-rules-import"))

    @action(description="Export", icon="download", permissions=["view"])  # type: ignore[untyped-decorator] # unfold has no types
    def export_files(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("alerts-rules-export"))

    @admin.action(description="Export selected groups", permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> HttpResponse:
        ids = urlencode([("group", pk) for pk in queryset.values_list("pk", flat=True)])
        return HttpResponseRedirect(f"{reverse('alerts-rules-export')}?{ids}")


@admin.register(WatchedRuleFile)
class WatchedRuleFileAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """What lies in the watched folder; only the folder itself changes that."""

    list_display = ("name", "shown_state", "shown_groups", "shown_since", "shown_read")
    search_fields = ("name",)
    search_help_text = "Search names of files"
    show_full_result_count = False
    fields = ("name", "shown_state", "shown_groups", "shown_error", "shown_since", "shown_read", "digest")  # fmt: skip
    readonly_fields = fields
    empty_title = "No rule files in the folder"

    @property
    def empty_hint(self) -> str:
        return f"Rule files in {settings.RULES_DIR} are in force as long as they lie there. To import one for good, go to the rule groups."

    def get_queryset(self, request: HttpRequest) -> QuerySet[WatchedRuleFile]:
        files: QuerySet[WatchedRuleFile] = super().get_queryset(request)
        groups = RuleGroup.objects.filter(file=OuterRef("name"), is_provisioned=True)
        counted = groups.order_by().values("file").annotate(total=Count("pk")).values("total")
        return files.annotate(group_total=Coalesce(Subquery(counted, IntegerField()), 0))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="state")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_state(self, file: WatchedRuleFile) -> SafeString:
        if not file.error:
            return badge("in force", "good")
        if file.applied_at is None:
            return badge("wrong", "bad", title=file.error)
        return badge("wrong, the last good one is in force", "bad", title=file.error)

    @display(description="groups", ordering="group_total")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_groups(self, file: Any) -> SafeString:
        url = reverse("admin:alerts_rulegroup_changelist")
        query = urlencode({"q": file.name})
        return format_html('<a class="portal-link" href="{}?{}">{}</a>', url, query, file.group_total)  # fmt: skip

    @display(description="what is wrong")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_error(self, file: WatchedRuleFile) -> SafeString | str:
        if not file.error:
            return "nothing"
        return format_html(
            '<pre class="portal-lines" style="white-space: pre-wrap">{}</pre>', file.error
        )

    @display(description="in force since", ordering="applied_at")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_since(self, file: WatchedRuleFile) -> SafeString | str:
        return ago(file.applied_at) if file.applied_at else "never"

    @display(description="last read", ordering="read_at")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_read(self, file: WatchedRuleFile) -> SafeString:
        return ago(file.read_at)
