"""`scrape_configs` of a Prometheus configuration, as far as the portal knows them; the rest is named.

Source: Prometheus 3, "Configuration", scrape_config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from django.core.exceptions import ValidationError

from observability.metrics.scraping.discovery.files import validate_path
from observability.metrics.scraping.discovery.target_lists import as_rows, read_groups
from observability.metrics.scraping.errors import DiscoveryError, RelabelError, ScrapeConfigError
from observability.metrics.scraping.models import (
    DEFAULT_BODY_BYTES,
    MAX_BODY_BYTES,
    Authentication,
    SourceKind,
)
from observability.metrics.scraping.relabeling import read_rules
from observability.metrics.scraping.yaml_text import YamlError, load_yaml
from observability.promql.durations import parse_duration_ms

MAX_BYTES = 4 * 1024 * 1024

SecretName = Literal["password", "bearer_token"]

_SIZE = re.compile(r"(\d+)([KMGT]?I?B)", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
# Prometheus's API shows this in the place of a secret.
HIDDEN = "<secret>"
_LIMITS = ("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit")
_KNOWN = {
    "job_name", "scrape_interval", "scrape_timeout", "metrics_path", "scheme", "params", "honor_labels",
    "honor_timestamps", "basic_auth", "authorization", "bearer_token", "bearer_token_file", "tls_config",
    "relabel_configs", "metric_relabel_configs", "body_size_limit", *_LIMITS,
    "static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs",
}  # fmt: skip
# What makes no difference here, with the values at which it makes none in Prometheus either.
_WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "follow_redirects": (True,),
    "enable_http2": (True, False),
    "enable_compression": (True, False),
    "scrape_protocols": (),
    "fallback_scrape_protocol": (),
    "keep_dropped_targets": (),
    "track_timestamps_staleness": (False,),
    "always_scrape_classic_histograms": (True, False),
    "scrape_classic_histograms": (True, False),
    "convert_classic_histograms_to_nhcb": (False,),
    "scrape_native_histograms": (False,),
    "metric_name_validation_scheme": ("legacy",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """A source of targets, with the fields of `ScrapeSource`."""

    kind: str
    config: Mapping[str, Any]
    refresh_seconds: int = 60


@dataclass(slots=True, kw_only=True)
class JobPlan:
    """What a configuration says about one job.

    Attributes:
        name: The job.
        fields: Of `ScrapeJob`, without secrets.
        sources: Where targets are found.
        secrets: Those that stand in the configuration.
        missing_secrets: Those that it does not hold, and the file that it names for them, '' when hidden.
        unsupported: What is not taken over, in words.
    """

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    sources: list[SourcePlan] = field(default_factory=list)
    secrets: dict[SecretName, str] = field(default_factory=dict, repr=False)
    missing_secrets: dict[SecretName, str] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)

    @property
    def can_be_made(self) -> bool:
        """Say whether there is any source that the portal knows."""
        return bool(self.sources)


def read_config(text: str, *, folder: Path | None = None) -> list[JobPlan]:
    """Return the jobs of a configuration, in its order.

    Args:
        text: YAML; the whole of `prometheus.yml`, or only `scrape_configs`.
        folder: To which paths in it are relative; without one only full paths are taken.

    Raises:
        ScrapeConfigError: It cannot be read; names the job and what is wrong.
    """
    if len(text.encode()) > MAX_BYTES:
        raise ScrapeConfigError(f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        config = load_yaml(text)
    except YamlError as error:
        raise ScrapeConfigError(f"not valid YAML: {error}") from error
    if isinstance(config, list):
        config = {"scrape_configs": config}
    if not isinstance(config, dict) or not isinstance(config.get("scrape_configs"), list):
        raise ScrapeConfigError("there is no list scrape_configs")
    shared = config.get("global") or {}
    if not isinstance(shared, dict):
        raise ScrapeConfigError("global: expected names and values")
    plans: list[JobPlan] = []
    for number, given in enumerate(config["scrape_configs"], start=1):
        if not isinstance(given, dict) or not isinstance(given.get("job_name"), str):
            raise ScrapeConfigError(f"scrape_configs, entry {number}: there is no job_name")
        name = given["job_name"]
        if not name or name in {plan.name for plan in plans}:
            raise ScrapeConfigError(f"the job {name!r} is there twice, or has no name")
        try:
            plans.append(_Reading(given, shared, folder).plan())
        except (ScrapeConfigError, RelabelError, DiscoveryError, ValueError) as error:
            raise ScrapeConfigError(f"job {name}: {error}") from error
    return plans


class _Reading:
    """Reads one entry of `scrape_configs`."""

    def __init__(self, given: dict[str, Any], shared: dict[str, Any], folder: Path | None) -> None:
        self._given = given
        self._shared = shared
        self._folder = folder
        self._plan = JobPlan(name=given["job_name"])

    def plan(self) -> JobPlan:
        """Return what the entry says."""
        plan = self._plan
        interval_ms = self._duration_ms("scrape_interval", "1m")
        plan.fields = {
            "interval_ms": interval_ms,
            "timeout_ms": self._timeout_ms(interval_ms),
            "scheme": self._text("scheme", "http"),
            "metrics_path": self._text("metrics_path", "/metrics"),
            "params": self._params(),
            "labels": self._external_labels(),
            "honor_labels": self._flag("honor_labels", default=False),
            "honor_timestamps": self._flag("honor_timestamps", default=True),
            "verify_tls": self._verify_tls(),
            "body_size_limit": self._body_size_limit(),
            "relabel_rules": self._rules("relabel_configs"),
            "metric_relabel_rules": self._rules("metric_relabel_configs"),
            **{name: self._whole_number(name) for name in _LIMITS},
            **self._authentication(),
        }
        plan.sources = [*self._static(), *self._files(), *self._http(), *self._dns()]
        self._name_the_rest()
        return plan

    def _get(self, name: str, default: Any = None) -> Any:
        """Return a value of the job, or the one that is meant for all jobs."""
        value = self._given.get(name)
        return self._shared.get(name, default) if value is None else value

    def _duration_ms(self, name: str, default: str) -> int:
        value = self._get(name, default)
        try:
            return parse_duration_ms(str(value))
        except ValueError as error:
            raise ScrapeConfigError(f"{name}: {error}") from error

    def _timeout_ms(self, interval_ms: int) -> int:
        timeout_ms = self._duration_ms("scrape_timeout", "10s")
        if timeout_ms > interval_ms and self._given.get("scrape_timeout") is not None:
            raise ScrapeConfigError("scrape_timeout is longer than scrape_interval")
        return min(timeout_ms, interval_ms)

    def _text(self, name: str, default: str) -> str:
        value = self._given.get(name, default)
        if not isinstance(value, str):
            raise ScrapeConfigError(f"{name}: expected a text; got {str(value)[:100]!r}")
        return value

    def _flag(self, name: str, *, default: bool) -> bool:
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise ScrapeConfigError(f"{name}: expected true or false; got {str(value)[:100]!r}")
        return value

    def _whole_number(self, name: str) -> int:
        value = self._get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise ScrapeConfigError(f"{name}: expected a whole number; got {str(value)[:100]!r}")
        return value

    def _params(self) -> dict[str, list[str]]:
        params = self._mapping(self._given, "params")
        for name, values in params.items():
            if not isinstance(values, list):
                raise ScrapeConfigError(f"params: {name} must be a list")
        return {str(name): [str(value) for value in values] for name, values in params.items()}

    def _external_labels(self) -> dict[str, str]:
        labels = self._mapping(self._shared, "external_labels")
        return {str(name): str(value) for name, value in labels.items()}

    def _body_size_limit(self) -> int:
        value = str(self._get("body_size_limit", 0))
        if value in {"0", ""}:
            return DEFAULT_BODY_BYTES
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ScrapeConfigError(f"body_size_limit: {value[:100]!r} is not a size such as 10MB")
        size = int(match[1]) * _UNITS[match[2].lower().replace("i", "")]
        if not 0 < size <= MAX_BODY_BYTES:
            self._plan.unsupported.append(
                f"body_size_limit {value}: at most {MAX_BODY_BYTES // 2**20} MB are allowed, so it is that"
            )
        return max(1, min(size, MAX_BODY_BYTES))

    def _rules(self, name: str) -> list[dict[str, Any]]:
        rules = self._given.get(name) or []
        try:
            read_rules(rules)
        except RelabelError as error:
            raise ScrapeConfigError(f"{name}, {error}") from error
        return list(rules)

    def _verify_tls(self) -> bool:
        tls = self._mapping(self._given, "tls_config")
        for name in sorted(set(tls) - {"insecure_skip_verify"}):
            self._plan.unsupported.append(f"tls_config.{name}")
        return not tls.get("insecure_skip_verify", False)

    def _authentication(self) -> dict[str, Any]:
        given = self._given
        if basic := self._mapping(given, "basic_auth"):
            if "username_file" in basic:
                self._plan.unsupported.append("basic_auth.username_file: enter the user name")
            self._secret("password", basic.get("password"), basic.get("password_file"))
            return {
                "authentication": Authentication.BASIC.value,
                "username": str(basic.get("username", "")),
            }
        bearer = self._mapping(given, "authorization")
        if "bearer_token" in given or "bearer_token_file" in given:
            bearer = {
                "credentials": given.get("bearer_token"),
                "credentials_file": given.get("bearer_token_file"),
            }
        if not bearer:
            return {"authentication": Authentication.NONE.value, "username": ""}
        if (kind := str(bearer.get("type", "Bearer"))).lower() != "bearer":
            self._plan.unsupported.append(f"authorization.type {kind}")
            return {"authentication": Authentication.NONE.value, "username": ""}
        self._secret("bearer_token", bearer.get("credentials"), bearer.get("credentials_file"))
        return {"authentication": Authentication.BEARER.value, "username": ""}

    def _secret(self, name: SecretName, value: Any, path: Any) -> None:
        if value and value != HIDDEN:
            self._plan.secrets[name] = str(value)
        else:
            self._plan.missing_secrets[name] = self._full_path(str(path)) if path else ""

    def _static(self) -> list[SourcePlan]:
        groups = read_groups(self._given.get("static_configs"), where="static_configs")
        return [
            SourcePlan(kind=SourceKind.STATIC.value, config=row)
            for row in as_rows(groups)
            if row["targets"]
        ]

    def _files(self) -> list[SourcePlan]:
        plans = []
        for given in self._entries("file_sd_configs"):
            paths = []
            for path in given.get("files") or []:
                full = self._full_path(str(path))
                try:
                    validate_path(full)
                except ValidationError as error:
                    self._plan.unsupported.append(f"file_sd_configs: {error.messages[0]}")
                else:
                    paths.append(full)
            self._name_unknown(given, "file_sd_configs", {"files", "refresh_interval"})
            if paths:
                refresh = self._refresh_seconds(given, 30, most=30)
                config = {"paths": paths}
                plans.append(SourcePlan(kind="file", config=config, refresh_seconds=refresh))
        return plans

    def _http(self) -> list[SourcePlan]:
        plans = []
        for given in self._entries("http_sd_configs"):
            self._name_unknown(given, "http_sd_configs", {"url", "refresh_interval"})
            if not isinstance(url := given.get("url"), str) or not url:
                raise ScrapeConfigError("http_sd_configs: there is no url")
            refresh = self._refresh_seconds(given, 60)
            plans.append(SourcePlan(kind="http", config={"url": url}, refresh_seconds=refresh))
        return plans

    def _dns(self) -> list[SourcePlan]:
        plans = []
        for given in self._entries("dns_sd_configs"):
            known = {"names", "type", "port", "refresh_interval"}
            self._name_unknown(given, "dns_sd_configs", known)
            names, kind = given.get("names") or [], str(given.get("type", "SRV")).upper()
            if not names or not all(isinstance(name, str) for name in names):
                raise ScrapeConfigError("dns_sd_configs: there are no names")
            if kind not in {"SRV", "A", "AAAA", "MX", "NS"}:
                raise ScrapeConfigError(f"dns_sd_configs: the type {kind[:20]!r} is not known")
            if kind != "SRV" and not isinstance(given.get("port"), int):
                raise ScrapeConfigError(f"dns_sd_configs: the type {kind} needs a port")
            config = {"names": names, "type": kind, "port": given.get("port") or 0}
            refresh = self._refresh_seconds(given, 30)
            plans.append(SourcePlan(kind="dns", config=config, refresh_seconds=refresh))
        return plans

    def _entries(self, name: str) -> Sequence[dict[str, Any]]:
        entries = self._given.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ScrapeConfigError(f"{name}: expected a list")
        return entries

    def _mapping(self, given: Mapping[str, Any], name: str) -> dict[str, Any]:
        value = given.get(name) or {}
        if not isinstance(value, dict):
            raise ScrapeConfigError(f"{name}: expected names and values")
        return value

    def _refresh_seconds(
        self, given: Mapping[str, Any], default: int, *, most: int = 86_400
    ) -> int:
        seconds = parse_duration_ms(str(given.get("refresh_interval", f"{default}s"))) // 1000
        return max(5, min(seconds, most))

    def _full_path(self, path: str) -> str:
        return str(self._folder / path) if self._folder else path

    def _name_unknown(self, given: Mapping[str, Any], where: str, known: set[str]) -> None:
        self._plan.unsupported += [f"{where}.{name}" for name in sorted(set(given) - known)]

    def _name_the_rest(self) -> None:
        """Name what the entry says beyond what is taken over, unless it makes no difference."""
        for name in sorted(set(self._given) - _KNOWN):
            if name in _WITHOUT_EFFECT:
                same = _WITHOUT_EFFECT[name]
                if not same or self._given[name] in same:
                    continue
            self._plan.unsupported.append(name)
