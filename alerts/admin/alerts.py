from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.pagination import BoundedPaginator
from alerts.admin.shown import SEVERITY_TONES
from alerts.manual import NotManualError, resolve_alert
from alerts.models import Alert, AlertState, Severity
from observability.access.shown import Tone, ago, badge
from observability.promql.go_floats import shortest

_STATE_TONES: dict[str, Tone] = {
    AlertState.FIRING: "bad",
    AlertState.PENDING: "warning",
    AlertState.RESOLVED: "good",
}
_LONGEST_LABEL_IN_A_ROW = 100


class AlertStateFilter(admin.SimpleListFilter):
    """Which alerts matter now?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((str(value), str(label)) for value, label in AlertState.choices), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        # Without a choice the list holds what is active, so that is what the first entry says.
        yield {**first, "display": "Active"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        state = self.value()
        if state in AlertState.values:
            return queryset.filter(state=state)
        on_list = request.resolver_match and request.resolver_match.url_name == "alerts_alert_changelist"  # fmt: skip
        if state is None and on_list and "rule__id__exact" not in request.GET:
            return queryset.filter(state__in=[AlertState.FIRING, AlertState.PENDING])
        return queryset


@admin.register(Alert)
class AlertAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    list_display = ("name", "shown_state", "shown_severity", "labels_in_a_row", "since", "shown_value", "shown_rule")  # fmt: skip
    list_filter = (AlertStateFilter, "severity", "source")
    search_fields = ("name", "labels")
    search_help_text = "Search names and labels"
    list_select_related = ("rule",)
    # In the alphabet firing comes before pending, and pending before resolved.
    ordering = ("state", "-active_at", "-pk")
    paginator = BoundedPaginator
    show_full_result_count = False
    actions = ("resolve",)
    empty_title = "Nothing is firing"
    empty_hint = "Alerts show here when a rule's condition holds, or when somebody reports one with POST /api/alerts. The filter on the state also shows those that are resolved."
    fieldsets = (
        (None, {"fields": ("name", "shown_state", "shown_severity", "shown_labels", "shown_value", "shown_rule", "source")}),
        ("What it says", {"fields": ("shown_annotations",)}),
        ("Times", {"fields": ("active_at", "fired_at", "keep_firing_since", "resolved_at", "fingerprint")}),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_alert")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Where the badges of a rule lead.
        return lookup == "rule__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    @admin.action(description="Resolve (reported by hand)", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        resolved, refused = 0, 0
        for alert_id in queryset.values_list("pk", flat=True):
            try:
                resolve_alert(alert_id, now=timezone.now())
                resolved += 1
            except NotManualError:
                refused += 1
        if resolved:
            self.message_user(request, f"{resolved} resolved.", messages.SUCCESS)
        if refused:
            self.message_user(request, f"{refused} left as they are: an alert of a rule is resolved when the rule's condition ends.", messages.WARNING)  # fmt: skip

    @display(description="state", ordering="state")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_state(self, alert: Alert) -> SafeString:
        return badge(AlertState(alert.state).label, _STATE_TONES[alert.state])

    @display(description="severity", ordering="severity")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_severity(self, alert: Alert) -> SafeString:
        return badge(Severity(alert.severity).label, SEVERITY_TONES[alert.severity])

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, alert: Alert) -> SafeString:
        joined = format_html_join("", '<span class="portal-chip">{}={}</span>', alert.own_labels)
        return format_html('<span class="portal-chips">{}</span>', joined)

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def labels_in_a_row(self, alert: Alert) -> SafeString:
        texts = [f"{name}={value}" for name, value in alert.first_labels]
        joined = format_html_join(
            "",
            '<span class="portal-chip" title="{}">{}</span>',
            ((text, Truncator(text).chars(_LONGEST_LABEL_IN_A_ROW)) for text in texts),
        )
        more = f"+{alert.more_labels} more" if alert.more_labels else ""
        return format_html('<span class="portal-chips">{} {}</span>', joined, more)

    @display(description="since", ordering="active_at")  # type: ignore[untyped-decorator] # unfold has no types
    def since(self, alert: Alert) -> SafeString:
        return ago(alert.resolved_at or alert.started_at)

    @display(description="value", ordering="value")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_value(self, alert: Alert) -> str:
        return "" if alert.value is None else shortest(alert.value)

    @display(description="rule", ordering="rule__name")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_rule(self, alert: Alert) -> SafeString | str:
        if alert.rule is None:
            return "reported by hand" if alert.is_manual else "deleted"
        return format_html(
            '<a class="portal-link" href="{}">{}</a>',
            alert.rule.get_absolute_url(),
            alert.rule.name,
        )

    @display(description="annotations")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_annotations(self, alert: Alert) -> SafeString | str:
        lines = format_html_join(
            "",
            "<dt>{}</dt><dd>{}</dd>",
            ((name, _linked(text)) for name, text in alert.annotations.items()),
        )
        return format_html('<dl class="portal-annotations">{}</dl>', lines) if lines else "none"


def _linked(text: str) -> SafeString | str:
    if text.startswith(("https://", "http://")) and " " not in text:
        return format_html('<a href="{}" rel="noreferrer">{}</a>', text, text)
    return text
