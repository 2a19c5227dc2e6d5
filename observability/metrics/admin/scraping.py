from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display

from observability.access.pages import render_page
from observability.access.shown import Tone, ago, badge
from observability.metrics.scraping import trial
from observability.metrics.scraping.discovery.refreshing import note_changed_sources
from observability.metrics.scraping.errors import ScrapeConfigError
from observability.metrics.scraping.forms import (
    SOURCE_FORMS,
    ImportForm,
    ScrapeJobForm,
    SourceForm,
)
from observability.metrics.scraping.importing import Secrets, import_jobs, plan_changes
from observability.metrics.scraping.models import Health, ScrapeJob, ScrapeSource, ScrapeTarget
from observability.metrics.scraping.prometheus_config import JobPlan, read_config
from observability.metrics.scraping.reconciliation import delete_jobs, make_due, reconcile
from observability.metrics.scraping.targets import Target
from observability.promql.durations import format_duration

TARGETS_SHOWN = 100
_ERROR_SHOWN = 120
_TONES: dict[Health, Tone] = {Health.UP: "good", Health.DOWN: "bad", Health.UNKNOWN: "neutral"}
# Never shown, not even as a field that cannot be edited.
_SECRETS = {"password", "bearer_token"}
# What those see who may only look: times in words, and nothing whose row unfold shows by a
# condition on the fields of a form that is not there.
_READ_AS = {
    "interval_ms": "shown_interval",
    "timeout_ms": "shown_timeout",
    "verify_tls": "shown_verify_tls",
    "username": "shown_username",
}


class SourceInline(StackedInline):  # type: ignore[misc] # unfold has no types
    """The sources of one kind; each kind has its own form."""

    model = ScrapeSource
    form: type[SourceForm]
    readonly_fields = ("state",)
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScrapeSource]:
        rows: QuerySet[ScrapeSource] = super().get_queryset(request)
        return rows.filter(kind=self.form.kind)

    def get_fields(self, request: HttpRequest, obj: ScrapeJob | None = None) -> list[str]:
        if not self.has_change_permission(request, obj):
            return ["state"]
        return [*self.form.config_fields, *self.form.Meta.fields, *(["state"] if obj else [])]

    def get_extra(self, request: HttpRequest, obj: ScrapeJob | None = None, **kwargs: Any) -> int:
        is_first = obj is None and self.form is SOURCE_FORMS[0]
        return 1 if is_first else 0

    @display(description="found")  # type: ignore[untyped-decorator] # unfold has no types
    def state(self, source: ScrapeSource) -> SafeString | str:
        count = sum(len(group["targets"]) for group in source.groups)
        if source.last_error:
            return format_html("{} {}", badge("Error", "bad"), source.last_error)
        if source.refreshed_at is None:
            return "not asked yet"
        return format_html("{} targets, {}", count, ago(source.refreshed_at))


def _inline(form: type[SourceForm]) -> type[SourceInline]:
    titles = {
        "static": ("list of targets", "Targets from lists"),
        "file": ("group of files", "Targets from files"),
        "http": ("HTTP address", "Targets from an HTTP address"),
        "dns": ("group of DNS names", "Targets from the DNS"),
    }
    one, many = titles[form.kind]
    attributes = {"form": form, "verbose_name": one, "verbose_name_plural": many}
    return type(f"{form.kind.title()}Inline", (SourceInline,), attributes)


@admin.register(ScrapeJob)
class ScrapeJobAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = ScrapeJobForm
    list_display = ("name", "shown_targets", "shown_interval", "shown_source", "enabled")
    list_filter = ("enabled",)
    search_fields = ("name",)
    ordering = ("name",)
    show_full_result_count = False
    inlines = [_inline(form) for form in SOURCE_FORMS]
    actions = ("enable", "disable")
    actions_list = ("import_configuration",)
    warn_unsaved_form = True
    change_form_after_template = "metrics/scrape_trial.html"
    empty_title = "Nothing is scraped yet"
    empty_hint = "A job names targets that expose metrics over HTTP, such as node_exporter at host:9100. Add one, or take over the scrape_configs of a Prometheus."
    fieldsets = (
        (None, {"fields": ("name", "enabled", "interval_ms", "timeout_ms")}),
        ("Address", {"fields": ("scheme", "verify_tls", "metrics_path", "params", "labels")}),
        ("Signing in at the targets", {"fields": ("authentication", "username", "password", "bearer_token")}),
        ("Relabeling", {"fields": ("relabel_rules", "metric_relabel_rules"), "classes": ("collapse",)}),
        ("Labels, times and limits", {"fields": (
            "honor_labels", "honor_timestamps", "sample_limit", "body_size_limit", "label_limit",
            "label_name_length_limit", "label_value_length_limit",
        ), "classes": ("collapse",)}),
    )  # fmt: skip
    conditional_fields = {
        "verify_tls": "scheme == 'https'",
        "username": "authentication == 'basic'",
        "password": "authentication == 'basic'",
        "bearer_token": "authentication == 'bearer'",
    }

    class Media:
        js = ("portal/scrape_trial.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScrapeJob]:
        jobs: QuerySet[ScrapeJob] = super().get_queryset(request)
        present = Q(targets__gone_at=None, targets__isnull=False)
        return jobs.annotate(
            target_count=Count("targets", filter=present),
            up_count=Count("targets", filter=present & Q(targets__health=Health.UP)),
            down_count=Count("targets", filter=present & Q(targets__health=Health.DOWN)),
        ).prefetch_related(
            Prefetch("sources", ScrapeSource.objects.defer("groups"), to_attr="listed_sources")
        )

    def get_fieldsets(self, request: HttpRequest, obj: ScrapeJob | None = None) -> list[Any]:
        if obj is None or self.has_change_permission(request, obj):
            return list(self.fieldsets)
        return [
            (
                title,
                {
                    **given,
                    "fields": [
                        _READ_AS.get(name, name) for name in given["fields"] if name not in _SECRETS
                    ],
                },
            )
            for title, given in self.fieldsets
        ]

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        wrap = self.admin_site.admin_view
        return [
            path("trial/", wrap(self.try_form), name="metrics_scrapejob_trial"),
            path("import/", wrap(self.import_page), name="metrics_scrapejob_import"),
            *urls,
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        found = note_changed_sources(form.instance, now=timezone.now())
        if found.faulty:
            labels, fault = found.faulty[0]
            address = labels.get("__address__", "")
            self.message_user(request, f"{len(found.faulty)} targets cannot be scraped; {address}: {fault}.", messages.WARNING)  # fmt: skip

    def delete_model(self, request: HttpRequest, obj: ScrapeJob) -> None:
        delete_jobs(ScrapeJob.objects.filter(pk=obj.pk), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ScrapeJob]) -> None:
        delete_jobs(queryset, now=timezone.now())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # What hangs on a job is its own: its sources, and targets that nobody deletes by hand.
        count = ScrapeTarget.objects.present().filter(job__in=list(objs)).count()
        shown = [str(job) for job in objs]
        return shown, {"jobs": len(shown), "targets, whose series end": count}, set(), []

    @admin.action(description="Enable selected jobs", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ScrapeJob]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable selected jobs", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ScrapeJob]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[ScrapeJob], *, enabled: bool
    ) -> None:
        now = timezone.now()
        jobs = list(ScrapeJob.objects.filter(pk__in=queryset.values("pk")))
        for job in jobs:
            job.enabled = enabled
            job.save(update_fields=["enabled", "updated_at"])
            reconcile(job.pk, now=now)
        word = "enabled" if enabled else "disabled"
        self.message_user(
            request, f"{len(jobs)} job{'' if len(jobs) == 1 else 's'} {word}.", messages.SUCCESS
        )

    @action(description="Import from Prometheus", icon="upload_file", permissions=["add"])  # type: ignore[untyped-decorator] # unfold has no types
    def import_configuration(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:metrics_scrapejob_import"))

    def try_form(self, request: HttpRequest) -> HttpResponse:
        """Answer what the job of a form that is being filled in would find, and what a target answers."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job_id = request.POST.get("trial-job", "")
        stored = get_object_or_404(ScrapeJob, pk=job_id) if job_id.isdecimal() else None
        form = self.get_form(request, stored, change=stored is not None)(
            request.POST, instance=stored or ScrapeJob()
        )
        formsets, _ = self._create_formsets(request, form.instance, change=stored is not None)
        problems = [
            f"{one.fields[name].label or name if name in one.fields else ''}: {message}".lstrip(
                ": "
            )
            for one in (form, *(inner for formset in formsets for inner in formset.forms))
            for name, found in one.errors.items()
            for message in found
        ]
        if problems:
            return render(request, "metrics/scrape_trial_answer.html", {"problems": problems})
        job = form.save(commit=False)
        sources = [
            (inner.kind, inner.config())
            for formset in formsets
            for inner in formset.forms
            if inner.has_changed() or inner.instance.pk
            if not inner.cleaned_data.get("DELETE")
        ]
        discovery = trial.try_discovery(job, sources)
        chosen = request.POST.get("trial-target", "")
        target = next((t for t in discovery.found.targets if t.fingerprint.hex() == chosen), None)
        context = {
            "discovery": discovery,
            "targets": discovery.found.targets[:TARGETS_SHOWN],
            "dropped": discovery.found.dropped[:TARGETS_SHOWN],
            "faulty": discovery.found.faulty[:TARGETS_SHOWN],
            "trial": trial.try_target(job, target) if target else None,
        }
        return render(request, "metrics/scrape_trial_answer.html", context)

    def import_page(self, request: HttpRequest) -> HttpResponse:
        """Show what a Prometheus configuration would change, and change it."""
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if request.method == "POST" and form.is_valid():
            try:
                plans = read_config(form.cleaned_data["text"])
                secrets = _entered_secrets(request, plans)
                if "confirm" in request.POST:
                    changes = import_jobs(plans, now=timezone.now(), secrets=secrets)
                    done = sum(1 for change in changes if change.action in ("make", "change"))
                    self.message_user(request, f"{done} job{'' if done == 1 else 's'} made or changed.", messages.SUCCESS)  # fmt: skip
                    return HttpResponseRedirect(reverse("admin:metrics_scrapejob_changelist"))
                context |= {
                    "text": form.cleaned_data["text"],
                    "changes": plan_changes(plans, secrets),
                }
            except ScrapeConfigError as error:
                form.add_error(None, f"{error}. Nothing was changed.")
        return render_page(
            request, "metrics/scrape_import.html", title="Import from Prometheus", context=context
        )

    @display(description="targets up", ordering="up_count")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_targets(self, job: Any) -> SafeString | str:
        if not job.enabled:
            return badge("disabled", "neutral")
        if not job.target_count:
            return badge("none found", "warning")
        tone: Tone = "bad" if job.down_count else "good" if job.up_count else "neutral"
        return format_html(
            '<a href="{}?job__id__exact={}">{}</a>',
            reverse("admin:metrics_scrapetarget_changelist"),
            job.pk,
            badge(f"{job.up_count} of {job.target_count} up", tone),
        )

    @display(description="interval", ordering="interval_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_interval(self, job: ScrapeJob) -> str:
        return format_duration(job.interval_ms)

    @display(description="timeout")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_timeout(self, job: ScrapeJob) -> str:
        return format_duration(job.timeout_ms)

    @display(description="verify TLS", boolean=True)  # type: ignore[untyped-decorator] # unfold has no types
    def shown_verify_tls(self, job: ScrapeJob) -> bool:
        return job.verify_tls

    @display(description="user name")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_username(self, job: ScrapeJob) -> str:
        return job.username

    @display(description="targets from")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_source(self, job: Any) -> SafeString | str:
        lines = [(source.get_kind_display(), source.last_error) for source in job.listed_sources]
        return (
            format_html_join(
                SafeString("<br>"),
                "{} {}",
                (
                    (kind, badge("Error", "bad", title=error) if error else "")
                    for kind, error in lines
                ),
            )
            or "nowhere yet"
        )


class TargetStateFilter(admin.SimpleListFilter):
    """Which targets need a look?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Health.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ScrapeTarget]
    ) -> QuerySet[ScrapeTarget]:
        return queryset.filter(health=self.value()) if self.value() in Health.values else queryset


@admin.register(ScrapeTarget)
class ScrapeTargetAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """What is scraped and how it does; discovery makes these rows, so nobody edits them here."""

    list_display = ("url", "shown_job", "shown_state", "shown_labels", "last_scrape", "shown_duration", "scraped_samples", "short_error")  # fmt: skip
    list_filter = (TargetStateFilter, "job")
    search_fields = ("url", "job__name", "last_error")
    search_help_text = "Search addresses, jobs and errors"
    list_select_related = ("job",)
    ordering = ("job__name", "url", "pk")
    list_per_page = 50
    show_full_result_count = False
    actions = ("scrape_now",)
    actions_detail = ("test",)
    empty_title = "No targets"
    empty_hint = "Targets show here as soon as a scrape job has found them."
    fieldsets = (
        (None, {"fields": ("url", "shown_job", "shown_state", "shown_error")}),
        ("Last scrape", {"fields": ("last_scrape", "shown_duration", "scraped_samples", "kept_samples", "shown_interval", "next_scrape_at")}),
        ("Labels", {"fields": ("shown_labels", "shown_discovered")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScrapeTarget]:
        return ScrapeTarget.objects.present().defer("series", "series_digest")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, given in self.fieldsets for name in given["fields"]]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_scrape_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("metrics.change_scrapejob")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_page)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:target_id>/trial/", view, name="metrics_scrapetarget_trial"), *urls]

    @admin.action(description="Scrape now", permissions=["scrape"])
    def scrape_now(self, request: HttpRequest, queryset: QuerySet[ScrapeTarget]) -> None:
        count = make_due(queryset.values_list("pk", flat=True), now=timezone.now())
        self.message_user(request, f"{count} target{' is' if count == 1 else 's are'} being scraped; look again in a moment.", messages.SUCCESS)  # fmt: skip

    @action(description="Test", icon="network_check", permissions=["scrape"])  # type: ignore[untyped-decorator] # unfold has no types
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        # Only leads there: what asks is a POST.
        return HttpResponseRedirect(reverse("admin:metrics_scrapetarget_trial", args=[object_id]))

    def test_page(self, request: HttpRequest, target_id: int) -> HttpResponse:
        """Show what a target answers now; nothing of it is stored."""
        if not self.has_scrape_permission(request):
            raise PermissionDenied
        row = get_object_or_404(
            ScrapeTarget.objects.present().select_related("job").filter(job__isnull=False),
            pk=target_id,
        )
        assert row.job is not None  # noqa: S101 (the query says so)
        context: dict[str, Any] = {"row": row}
        if request.method == "POST":
            target = Target(
                discovered_labels=row.discovered_labels,
                labels=row.labels,
                url=row.url,
                interval_ms=row.interval_ms,
                timeout_ms=row.timeout_ms,
            )
            context["trial"] = trial.try_target(row.job, target)
        return render_page(
            request, "metrics/scrape_target_trial.html", title=f"Test {row.url}", context=context
        )

    @display(description="job", ordering="job__name")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_job(self, target: ScrapeTarget) -> SafeString | str:
        if target.job is None:
            return ""
        return format_html('<a class="portal-link" href="{}">{}</a>', target.job.get_absolute_url(), target.job.name)  # fmt: skip

    @display(description="state", ordering="health")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_state(self, target: ScrapeTarget) -> SafeString:
        return badge(Health(target.health).label, _TONES[Health(target.health)])

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, target: ScrapeTarget) -> SafeString:
        return _labels(target.labels)

    @display(description="labels before relabeling")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_discovered(self, target: ScrapeTarget) -> SafeString:
        return _labels(target.discovered_labels)

    @display(description="last scrape", ordering="last_scrape_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_scrape(self, target: ScrapeTarget) -> SafeString | str:
        if target.last_scrape_at is None:
            return "never"
        return ago(target.last_scrape_at)

    @display(description="took", ordering="duration_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_duration(self, target: ScrapeTarget) -> str:
        return (
            "" if target.duration_ms is None else f"{target.duration_ms:,.0f}\N{NO-BREAK SPACE}ms"
        )

    @display(description="interval")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_interval(self, target: ScrapeTarget) -> str:
        return format_duration(target.interval_ms)

    @display(description="error", ordering="last_error")  # type: ignore[untyped-decorator] # unfold has no types
    def short_error(self, target: ScrapeTarget) -> SafeString:
        short = Truncator(target.last_error).chars(_ERROR_SHOWN)
        return format_html('<span title="{}">{}</span>', target.last_error, short)

    @display(description="error")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_error(self, target: ScrapeTarget) -> str:
        return target.last_error or "none"


def _labels(labels: Any) -> SafeString:
    shown = format_html_join(
        "", '<code class="portal-label">{}="{}"</code>', sorted(labels.items())
    )
    return format_html('<span class="portal-labels">{}</span>', shown)


def _entered_secrets(request: HttpRequest, plans: list[JobPlan]) -> Secrets:
    return {
        (plan.name, name): value
        for position, plan in enumerate(plans)
        for name in plan.missing_secrets
        if (value := request.POST.get(f"secret-{position}-{name}", ""))
    }
