"""The page on which people delete series: a selector in, a preview out, and then for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from observability.access.pages import render_page
from observability.metrics.models import Deletion
from observability.metrics.store import deletion
from observability.metrics.store.deletion import read_selector
from observability.metrics.store.deletion_estimate import DeletionEstimate, estimate
from observability.metrics.wakeups import wake_deletions
from observability.promql.errors import PromQLError
from observability.promql.labels import format_metric

# More than a page of them can be looked through: then the number is to be typed.
LARGE = 100


class _MomentWidget(UnfoldAdminTextInputWidget):  # type: ignore[misc] # unfold has no types
    """An input with the browser's own calendar."""

    input_type = "datetime-local"


class _Moment(forms.DateTimeField):
    """A time to the second, typed with the browser's help."""

    widget = _MomentWidget(attrs={"step": "1"})

    def prepare_value(self, value: Any) -> Any:
        return value.strftime("%Y-%m-%dT%H:%M:%S") if isinstance(value, datetime) else value


class DeletionForm(forms.Form):
    """Which series, and of what time."""

    selectors = forms.CharField(
        label="Series",
        widget=UnfoldAdminTextareaWidget(
            attrs={
                "rows": 3,
                "spellcheck": "false",
                "placeholder": 'http_requests_total{job="old"}',
            }
        ),
        help_text="Selectors of PromQL, one a line; what any of them selects is deleted.",
    )
    start = _Moment(
        label="From", required=False, help_text="Without From and To, series go altogether."
    )
    end = _Moment(label="To", required=False, help_text="Included.")

    def clean_selectors(self) -> list[str]:
        """Return the selectors, each of which can be read."""
        selectors = [line.strip() for line in self.cleaned_data["selectors"].splitlines()]
        for text in filter(None, selectors):
            try:
                read_selector(text)
            except PromQLError as error:
                raise forms.ValidationError(f"{text}: {error}", code="invalid") from error
        return list(filter(None, selectors))

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        values: dict[str, Any] = super().clean() or {}
        start, end = values.get("start"), values.get("end")
        if start and end and end < start:
            self.add_error("end", "must not be before From")
        return values

    @property
    def wish(self) -> dict[str, Any]:
        """Return the arguments of what is to be deleted."""
        start, end = self.cleaned_data["start"], self.cleaned_data["end"]
        return {
            "selectors": self.cleaned_data["selectors"],
            "start_ms": start and round(start.timestamp() * 1000),
            "end_ms": end and round(end.timestamp() * 1000),
        }


def delete_series_page(request: HttpRequest) -> HttpResponse:
    """Show what would be deleted; delete it when that is confirmed."""
    is_asked = request.method == "POST" or "selectors" in request.GET
    form = DeletionForm((request.POST or request.GET) if is_asked else None)
    found: DeletionEstimate | None = None
    problem = ""
    if is_asked and form.is_valid():
        found = estimate(**form.wish)
        if request.method == "POST":
            problem = _not_confirmed(request, found)
            if not problem:
                return _request(request, form)
    return render_page(
        request,
        "metrics/delete_series.html",
        title="Delete series",
        context={
            "form": form,
            "found": found,
            "examples": [format_metric(labels) for labels in found.examples] if found else [],
            "is_large": found is not None and found.series_count > LARGE,
            "is_whole": found is not None
            and not (form.cleaned_data["start"] or form.cleaned_data["end"]),
            "problem": problem,
            "list_url": reverse("admin:metrics_deletion_changelist"),
        },
    )


def _not_confirmed(request: HttpRequest, found: DeletionEstimate) -> str:
    """Return why the deletion does not begin yet, '' when it may."""
    if not found.series_count:
        return "No series is selected any more."
    if found.series_count <= LARGE:
        return ""
    typed = request.POST.get("confirmation", "").replace(",", "").strip()
    if typed == str(found.series_count):
        return ""
    return f"Type the number of series, {found.series_count}, to delete them."


def _request(request: HttpRequest, form: DeletionForm) -> HttpResponse:
    wish = deletion.request(**form.wish, requested_by=request.user.get_username())
    wake_deletions()
    return HttpResponseRedirect(reverse("admin:metrics_deletion_change", args=[wish.pk]))


def resume_deletion(request: HttpRequest, deletion_id: int) -> HttpResponse:
    """Have a deletion that failed go on."""
    wish = get_object_or_404(Deletion, pk=deletion_id)
    if request.method == "POST":
        if deletion.resume(wish.pk):
            wake_deletions()
        else:
            messages.info(request, "This deletion has not failed.")
    return HttpResponseRedirect(reverse("admin:metrics_deletion_change", args=[wish.pk]))
