from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.backtest_form import AgainForm, BacktestForm, TimesForm
from alerts.admin.backtest_page import (
    episode_rows,
    facts,
    judged,
    other_backtests,
    percent,
    timeline,
    verdict,
    with_totals,
)
from alerts.models import Backtest, BacktestStatus, Rule
from alerts.rules.backtesting import runs
from alerts.rules.backtesting.definitions import adjusted, definition_of, threshold_in
from alerts.rules.backtesting.errors import BacktestError
from alerts.rules.errors import InvalidRuleError
from observability.access.pages import render_page
from observability.access.shown import Tone, ago, badge
from observability.promql.durations import format_duration
from observability.promql.go_floats import plain

_TONES: dict[str, Tone] = {
    BacktestStatus.QUEUED: "neutral",
    BacktestStatus.RUNNING: "neutral",
    BacktestStatus.DONE: "good",
    BacktestStatus.FAILED: "bad",
    BacktestStatus.CANCELED: "warning",
}
_DRAFT_NAME = "Draft"


@admin.register(Backtest)
class BacktestAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """What rules would have done; a backtest is asked for and read, never changed."""

    form = BacktestForm
    fields = ("rule", "days", "from_at", "to_at")
    autocomplete_fields = ("rule",)
    conditional_fields = {"from_at": "days == 'range'", "to_at": "days == 'range'"}
    list_display = ("shown_name", "shown_range", "shown_status", "shown_fired", "shown_share", "asked_by", "asked")  # fmt: skip
    list_display_links = ("shown_name",)
    list_filter = ("status",)
    list_per_page = 50
    list_select_related = ("created_by",)
    search_fields = ("definition__name", "definition__expr")
    search_help_text = "Search names and expressions of rules"
    ordering = ("-created_at", "-pk")
    show_full_result_count = False
    empty_title = "No backtests yet"
    empty_hint = "A backtest tells what a rule would have done over the past days: when it would have fired, for how long, and how noisy it would have been. Start one here, or from a rule's form before you save it."

    def has_change_permission(self, request: HttpRequest, obj: Backtest | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(
            super().has_add_permission(request) and request.user.has_perm("alerts.view_rule")
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        rows: QuerySet[Backtest] = super().get_queryset(request)
        is_list = request.resolver_match is not None and request.resolver_match.url_name == "alerts_backtest_changelist"  # fmt: skip
        return with_totals(rows) if is_list else rows

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("draft/", self.draft),
            ("<int:backtest_id>/cancel/", self.cancel),
            ("<int:backtest_id>/again/", self.again),
        )
        return [
            *(
                path(
                    route, self.admin_site.admin_view(view), name=f"alerts_backtest_{view.__name__}"
                )
                for route, view in pages
            ),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        context = {"title": "Backtest a rule", **buttons, **(extra_context or {})}
        response: HttpResponse = super().add_view(request, form_url, context)
        return response

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"days": "7", **super().get_changeform_initial_data(request)}

    def save_form(self, request: HttpRequest, form: BacktestForm, change: bool) -> Backtest:
        values = form.cleaned_data
        return runs.request(
            definition_of(values["rule"]),
            start_at=values["start_at"],
            end_at=values["end_at"],
            now=timezone.now(),
            rule_id=values["rule"].pk,
            by=_person(request),
        )

    def save_model(self, request: HttpRequest, obj: Backtest, form: Any, change: bool) -> None:
        """Leave it as it is: asking for it has saved it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Leave it at that: nothing belongs to it."""

    def response_add(
        self, request: HttpRequest, obj: Backtest, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(obj.get_absolute_url())

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        backtest = get_object_or_404(self.get_queryset(request), pk=object_id)
        return self._page(request, backtest, AgainForm(backtest))

    def draft(self, request: HttpRequest) -> HttpResponse:
        """Start a backtest of a rule's form, as it was posted and not saved."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rule_admin: Any = self.admin_site.get_model_admin(Rule)
        rule = get_object_or_404(Rule, pk=request.GET["rule"]) if "rule" in request.GET else None
        data = request.POST.copy()
        data["name"] = data.get("name", "").strip() or _DRAFT_NAME
        form = rule_admin.get_form(request, rule, change=rule is not None)(data, instance=rule)
        chosen = TimesForm({"days": data.get("backtest_days", "7")})
        problems = [*_problems(form), *_problems(chosen)]
        if not problems:
            try:
                backtest = runs.request(
                    definition_of(form.instance),
                    start_at=chosen.cleaned_data["start_at"],
                    end_at=chosen.cleaned_data["end_at"],
                    now=timezone.now(),
                    rule_id=form.instance.pk,
                    by=_person(request),
                )
                return HttpResponseRedirect(backtest.get_absolute_url())
            except BacktestError as error:
                problems.append(("", error.message))
        return render_page(
            request,
            "alerts/backtest_problems.html",
            title="Backtest",
            context={"problems": problems},
        )

    def cancel(self, request: HttpRequest, backtest_id: int) -> HttpResponse:
        """End a backtest with what it has found."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        backtest = get_object_or_404(Backtest, pk=backtest_id)
        if not runs.cancel(backtest.pk):
            self.message_user(request, "It had ended already.", messages.INFO)
        return HttpResponseRedirect(backtest.get_absolute_url())

    def again(self, request: HttpRequest, backtest_id: int) -> HttpResponse:
        """Start another backtest of the same rule with other numbers."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        backtest = get_object_or_404(Backtest, pk=backtest_id)
        form = AgainForm(backtest, request.POST)
        if form.is_valid():
            try:
                following = runs.request(
                    adjusted(backtest.definition, form.adjustment()),
                    start_at=form.cleaned_data["start_at"],
                    end_at=form.cleaned_data["end_at"],
                    now=timezone.now(),
                    rule_id=backtest.rule_id,
                    by=_person(request),
                )
                return HttpResponseRedirect(following.get_absolute_url())
            except BacktestError as error:
                form.place(error)
            except InvalidRuleError as error:
                form.add_error(None, error.problems[0].message)
        return self._page(request, backtest, form)

    def _page(self, request: HttpRequest, backtest: Backtest, again: AgainForm) -> TemplateResponse:
        result: Any = backtest.result
        name = backtest.definition["name"]
        context: dict[str, Any] = {
            "backtest": backtest,
            "name": name,
            "settings": _settings(backtest),
            "percent": round(backtest.progress * 100),
            "before": _before(backtest),
            "again": again if self.has_add_permission(request) else None,
            "may_cancel": backtest.is_unfinished and self.has_add_permission(request),
        }
        if result:
            context |= {
                "result": result,
                "verdict": verdict(result),
                "facts": facts(result),
                "timeline": timeline(result, name),
                "judged": judged(backtest),
                "episodes": episode_rows(backtest, request.GET.get("p", "1")),
            }
        if not backtest.is_unfinished:
            context["others"] = [
                {"backtest": other, "settings": _settings(other), "percent": _shown_share(other)}
                for other in other_backtests(backtest)
            ]
        return render_page(
            request, "alerts/backtest.html", title=f"Backtest of {name}", context=context
        )

    @display(description="rule")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_name(self, backtest: Backtest) -> SafeString:
        return format_html(
            '{} <code class="portal-expr portal-quiet" title="{}">{}</code>',
            backtest.definition["name"],
            backtest.definition["expr"],
            _short(backtest.definition["expr"]),
        )

    @display(description="over", ordering="start_at")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_range(self, backtest: Backtest) -> str:
        start, end = timezone.localtime(backtest.start_at), timezone.localtime(backtest.end_at)
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"

    @display(description="status", ordering="status")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_status(self, backtest: Backtest) -> SafeString:
        words = backtest.get_status_display()
        if backtest.status == BacktestStatus.RUNNING:
            words += f", {backtest.progress:.0%}"
        return badge(words, _TONES[backtest.status], title=backtest.error)

    @display(description="fired")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_fired(self, backtest: Any) -> str:
        return "" if backtest.fired is None else f"{int(backtest.fired):,}"

    @display(description="time firing")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_share(self, backtest: Any) -> str:
        return _shown_share(backtest)

    @display(description="asked by", ordering="created_by__username")  # type: ignore[untyped-decorator] # unfold has no types
    def asked_by(self, backtest: Backtest) -> str:
        return "" if backtest.created_by is None else backtest.created_by.get_username()

    @display(description="asked for", ordering="created_at")  # type: ignore[untyped-decorator] # unfold has no types
    def asked(self, backtest: Backtest) -> SafeString:
        return ago(backtest.created_at)


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _shown_share(backtest: Any) -> str:
    return "" if backtest.share is None else percent(float(backtest.share))


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _problems(form: Any) -> list[tuple[str, str]]:
    """Return what is wrong with a form: the field's name as the page shows it, and the message."""
    return [
        (form.fields[name].label or name.replace("_", " ") if name in form.fields else "", message)
        for name, errors in form.errors.items()
        for message in errors
    ]


def _settings(backtest: Backtest) -> list[tuple[str, str]]:
    """Return what decides when a definition fires, in short."""
    definition = backtest.definition
    threshold = threshold_in(definition)
    shown = [
        ("for", format_duration(definition["hold_ms"])),
        ("every", format_duration(definition["group"]["interval_ms"])),
    ]
    if threshold is not None:
        shown.insert(0, ("threshold", f"{threshold.op} {plain(threshold.value)}"))
    if definition["keep_firing_ms"]:
        shown.append(("keep firing for", format_duration(definition["keep_firing_ms"])))
    if definition["resolve_expr"]:
        shown.append(("resolve when", definition["resolve_expr"]))
    return [*shown, ("on no data", definition["on_no_data"])]


def _before(backtest: Backtest) -> int:
    """Return how many others come before one that is waiting."""
    if backtest.status != BacktestStatus.QUEUED:
        return 0
    return Backtest.objects.filter(
        status__in=[BacktestStatus.QUEUED, BacktestStatus.RUNNING],
        created_at__lt=backtest.created_at,
    ).count()
