"""The forms of jobs and of their sources of targets, in the words of a Prometheus configuration."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from observability.access.errors import OutgoingFailedError, OutgoingRefusedError
from observability.access.outgoing import check_url
from observability.metrics.scraping.discovery.dns import TYPES
from observability.metrics.scraping.discovery.files import validate_path
from observability.metrics.scraping.discovery.target_lists import MAX_TARGETS
from observability.metrics.scraping.form_fields import (
    DurationField,
    LinesField,
    ParamsField,
    RulesField,
    TargetLabelsField,
)
from observability.metrics.scraping.models import (
    DEFAULT_INTERVAL_MS,
    DEFAULT_TIMEOUT_MS,
    MAX_INTERVAL_MS,
    MIN_INTERVAL_MS,
    Authentication,
    ScrapeJob,
    ScrapeSource,
    SourceKind,
)
from observability.metrics.scraping.prometheus_config import MAX_BYTES
from observability.promql.durations import format_duration

_CODE = {"rows": 8, "spellcheck": "false", "class": "portal-code"}


class ScrapeJobForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """A job; secrets are taken in and never shown."""

    interval_ms = DurationField(
        label="Scrape interval",
        initial=DEFAULT_INTERVAL_MS,
        help_text="From one scrape of a target to the next, such as 15s or 1m; at least 1s.",
        # The model counts in milliseconds, people do not.
        error_messages={
            "min_value": f"At least {format_duration(MIN_INTERVAL_MS)}.",
            "max_value": f"At most {format_duration(MAX_INTERVAL_MS)}.",
        },
    )
    timeout_ms = DurationField(
        label="Scrape timeout",
        initial=DEFAULT_TIMEOUT_MS,
        help_text="How long a target may take to answer; not longer than the interval.",
        error_messages={"min_value": "Longer than 0."},
    )
    params = ParamsField(
        required=False,
        label="URL parameters",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="One name=value a line, such as module=http_2xx.",
    )
    labels = TargetLabelsField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Given to every target of the job, one name=value a line, such as env=production.",
    )
    relabel_rules = RulesField(
        required=False,
        label="Target relabeling",
        widget=UnfoldAdminTextareaWidget(attrs=_CODE),
        help_text="Changes the labels of targets before they are scraped, or drops targets: "
        "relabel_configs as in prometheus.yml.",
    )
    metric_relabel_rules = RulesField(
        required=False,
        label="Metric relabeling",
        widget=UnfoldAdminTextareaWidget(attrs=_CODE),
        help_text="Changes the labels of samples before they are stored, or drops samples: "
        "metric_relabel_configs as in prometheus.yml.",
    )

    class Meta:
        model = ScrapeJob
        exclude: ClassVar[tuple[str, ...]] = ()

    def clean(self) -> dict[str, Any]:
        """Check what concerns several fields."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("timeout_ms", 0) > cleaned.get("interval_ms", MAX_INTERVAL_MS):
            self.add_error("timeout_ms", "Must not be longer than the interval.")
        kind = cleaned.get("authentication")
        if kind == Authentication.BASIC and not cleaned.get("username"):
            self.add_error("username", "Enter the user name.")
        if kind == Authentication.BEARER and not cleaned.get("bearer_token"):
            self.add_error("bearer_token", "Enter the token.")
        return cleaned


class SourceForm(forms.ModelForm):  # type: ignore[type-arg] # Django's own class takes no type argument
    """A source of targets; each kind adds its fields, which are kept in `config`."""

    kind: ClassVar[SourceKind]
    config_fields: ClassVar[tuple[str, ...]] = ()

    class Meta:
        model = ScrapeSource
        fields: tuple[str, ...] = ("refresh_seconds",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show what is stored."""
        super().__init__(*args, **kwargs)
        for name in self.config_fields:
            if name in self.instance.config:
                self.initial[name] = self.instance.config[name]

    def config(self) -> dict[str, Any]:
        """Return what is stored in `config`."""
        return {name: self.cleaned_data[name] for name in self.config_fields}

    def save(self, commit: bool = True) -> ScrapeSource:
        """Store the fields in `config`."""
        self.instance.kind = self.kind
        self.instance.config = self.config()
        source: ScrapeSource = super().save(commit)
        return source


class StaticSourceForm(SourceForm):
    """A list of targets with the labels that they share."""

    kind = SourceKind.STATIC
    config_fields = ("targets", "labels")

    targets = LinesField(
        help_text="host:port, one a line, such as db1.example.org:9100.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    labels = TargetLabelsField(
        required=False,
        help_text="Labels of these targets, one name=value a line.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta(SourceForm.Meta):
        fields = ()

    def clean_targets(self) -> list[str]:
        """Return the targets when they are not too many."""
        targets: list[str] = self.cleaned_data["targets"]
        if len(targets) > MAX_TARGETS:
            raise ValidationError(
                f"At most {MAX_TARGETS:,} targets; these are {len(targets):,}.", code="invalid"
            )
        return targets


class FileSourceForm(SourceForm):
    """Files that other programs write."""

    kind = SourceKind.FILE
    config_fields = ("paths",)

    paths = LinesField(
        help_text="Full paths on the machine that scrapes, one a line; a * may stand in the file's name. "
        "JSON or YAML, as file_sd_configs of Prometheus.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    refresh_seconds = forms.IntegerField(
        min_value=5, max_value=86_400, initial=30, widget=UnfoldAdminIntegerFieldWidget,
        label="Read every", help_text="Seconds.",
    )  # fmt: skip

    class Meta(SourceForm.Meta):
        pass

    def clean_paths(self) -> list[str]:
        """Return the paths when all may be read."""
        paths: list[str] = self.cleaned_data["paths"]
        for path in paths:
            validate_path(path)
        return paths


class HttpSourceForm(SourceForm):
    """A service that lists targets."""

    kind = SourceKind.HTTP
    config_fields = ("url",)

    url = forms.CharField(
        label="URL",
        widget=UnfoldAdminTextInputWidget,
        help_text="Answers with a list of targets in JSON, as http_sd_configs of Prometheus.",
    )
    refresh_seconds = forms.IntegerField(
        min_value=5, max_value=86_400, initial=60, widget=UnfoldAdminIntegerFieldWidget,
        label="Ask every", help_text="Seconds.",
    )  # fmt: skip

    class Meta(SourceForm.Meta):
        pass

    def clean_url(self) -> str:
        """Return the address when it may be called."""
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except OutgoingRefusedError as error:
            raise ValidationError(f"{str(error).capitalize()}.", code="invalid") from error
        except OutgoingFailedError:
            # The name cannot be looked up right now; the source says so when it is asked.
            pass
        return url


class DnsSourceForm(SourceForm):
    """Names whose DNS records are targets."""

    kind = SourceKind.DNS
    config_fields = ("names", "type", "port")

    names = LinesField(
        help_text="One a line, such as _metrics._tcp.example.org.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    type = forms.ChoiceField(
        choices=[(kind, kind) for kind in TYPES], initial="SRV", widget=UnfoldAdminSelectWidget
    )
    port = forms.IntegerField(
        required=False, min_value=0, max_value=65_535, widget=UnfoldAdminIntegerFieldWidget,
        help_text="Needed for all types but SRV, whose records bring it.",
    )  # fmt: skip
    refresh_seconds = forms.IntegerField(
        min_value=5, max_value=86_400, initial=30, widget=UnfoldAdminIntegerFieldWidget,
        label="Ask every", help_text="Seconds.",
    )  # fmt: skip

    class Meta(SourceForm.Meta):
        pass

    def clean(self) -> dict[str, Any]:
        """Ask for the port where it is needed."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["port"] = cleaned.get("port") or 0
        if cleaned.get("type") != "SRV" and not cleaned["port"]:
            self.add_error("port", "This type of record needs a port.")
        return cleaned


SOURCE_FORMS: tuple[type[SourceForm], ...] = (
    StaticSourceForm,
    FileSourceForm,
    HttpSourceForm,
    DnsSourceForm,
)


class ImportForm(forms.Form):
    """A Prometheus configuration, as a file or as text."""

    file = forms.FileField(required=False, help_text="prometheus.yml")
    text = forms.CharField(
        required=False,
        label="Or paste it here",
        widget=UnfoldAdminTextareaWidget(attrs={**_CODE, "rows": 14}),
        strip=False,
    )

    def clean(self) -> dict[str, Any]:
        """Return the text of whichever was given."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if upload := cleaned.get("file"):
            if upload.size > MAX_BYTES:
                self.add_error("file", f"The file is larger than {MAX_BYTES:,} bytes.")
                return cleaned
            try:
                cleaned["text"] = upload.read().decode()
            except UnicodeDecodeError:
                self.add_error("file", "Not a text in UTF-8.")
        elif not cleaned.get("text", "").strip():
            raise ValidationError("Choose a file, or paste its text.")
        return cleaned
