"""Jobs as `scrape_configs` of a Prometheus configuration, secrets hidden; `prometheus_config` reads it back.

Source: Prometheus 3, "Configuration", scrape_config.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import yaml

from observability.metrics.scraping.models import (
    DEFAULT_INTERVAL_MS,
    DEFAULT_TIMEOUT_MS,
    Authentication,
    ScrapeJob,
    ScrapeSource,
    SourceKind,
)
from observability.metrics.scraping.prometheus_config import HIDDEN
from observability.promql.durations import format_duration

_LIMITS = ("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit")
_MEGABYTE = 2**20


def write_config(jobs: Iterable[ScrapeJob]) -> str:
    """Return the whole of a `prometheus.yml` with these jobs, in their order."""
    return _yaml(
        {
            "global": {
                "scrape_interval": format_duration(DEFAULT_INTERVAL_MS),
                "scrape_timeout": format_duration(DEFAULT_TIMEOUT_MS),
            },
            "scrape_configs": [_entry(job) for job in jobs],
        }
    )


def write_job(job: ScrapeJob) -> str:
    """Return an entry of `scrape_configs`."""
    return _yaml(_entry(job))


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1_000))


def _entry(job: ScrapeJob) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "job_name": job.name,
        "honor_labels": job.honor_labels,
        "honor_timestamps": job.honor_timestamps,
        "scrape_interval": format_duration(job.interval_ms),
        "scrape_timeout": format_duration(job.timeout_ms),
        "metrics_path": job.metrics_path,
        "scheme": str(job.scheme),
        "params": job.params,
        "body_size_limit": _size(job.body_size_limit),
        **{name: limit for name in _LIMITS if (limit := getattr(job, name))},
        **_authentication(job),
        "tls_config": {} if job.verify_tls else {"insecure_skip_verify": True},
        **_sources(job),
        "relabel_configs": [*_label_rules(job), *job.relabel_rules],
        "metric_relabel_configs": job.metric_relabel_rules,
    }
    return {name: value for name, value in entry.items() if value not in ({}, [])}


def _size(size: int) -> str:
    return f"{size // _MEGABYTE}MB" if size % _MEGABYTE == 0 else f"{size}B"


def _authentication(job: ScrapeJob) -> dict[str, Any]:
    match job.authentication:
        case Authentication.BASIC:
            return {"basic_auth": {"username": job.username, "password": HIDDEN}}
        case Authentication.BEARER:
            return {"authorization": {"type": "Bearer", "credentials": HIDDEN}}
        case _:
            return {}


def _label_rules(job: ScrapeJob) -> list[dict[str, Any]]:
    """Return rules that give targets the job's labels where they have none of their own of that name."""
    return [
        {
            "source_labels": [name],
            "regex": "",
            "target_label": name,
            "replacement": value.replace("$", "$$"),
        }
        for name, value in job.labels.items()
    ]


def _sources(job: ScrapeJob) -> dict[str, list[dict[str, Any]]]:
    sources: dict[str, list[dict[str, Any]]] = {}
    for source in job.sources.all():
        name, entry = _source(source)
        sources.setdefault(name, []).append(entry)
    return sources


def _source(source: ScrapeSource) -> tuple[str, dict[str, Any]]:
    config = source.config
    refresh = {"refresh_interval": f"{source.refresh_seconds}s"}
    match SourceKind(source.kind):
        case SourceKind.STATIC:
            entry = {"targets": config.get("targets", []), "labels": config.get("labels", {})}
            return "static_configs", {name: value for name, value in entry.items() if value}
        case SourceKind.FILE:
            return "file_sd_configs", {"files": config.get("paths", []), **refresh}
        case SourceKind.HTTP:
            return "http_sd_configs", {"url": _without_password(config.get("url", "")), **refresh}
        case SourceKind.DNS:
            entry = {name: config.get(name) for name in ("names", "type", "port")}
            return "dns_sd_configs", {
                **{name: value for name, value in entry.items() if value},
                **refresh,
            }


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", f":{HIDDEN}@", 1) if password else url
