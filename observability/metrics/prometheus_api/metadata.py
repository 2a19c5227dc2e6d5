"""`/api/v1/metadata` and `/api/v1/targets/metadata`: type, help and unit of metric families."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.answers import success
from observability.metrics.prometheus_api.choice import read_number, texts
from observability.metrics.prometheus_api.lists import list_parts
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import BadParameterError
from observability.metrics.samples import Metadata, MetricType
from observability.metrics.scraping.models import ScrapeTarget
from observability.metrics.scraping.tracked_series import metric_names
from observability.promql.errors import ParseError
from observability.promql.labels import label_set
from observability.promql.matchers import matches_all
from observability.promql.parser import parse_metric_selector

# What a family is called without these, which only types that have such parts carry.
_PARTS = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("_sum", "_count"),
}
_ALL_PARTS = ("", "_bucket", "_sum", "_count")


class MetadataView(ReadView):
    """Tell what senders say about their metrics."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer by family, sorted; a family has several entries where its parts differ."""
        limit = read_number(request, "limit")
        per_metric = read_number(request, "limit_per_metric")
        wanted = self.parameter(request, "metric")
        known = get_backend().metadata([wanted + part for part in _ALL_PARTS] if wanted else None)
        found = families(known)
        names = [name for name in sorted(found) if not wanted or name == wanted]
        most = None if per_metric is None or per_metric <= 0 else per_metric
        entries = {
            name: [_entry(metadata) for metadata in found[name][:most]]
            for name in islice(names, None if limit is None or limit < 0 else limit)
        }
        return answer(request, success(entries))


class TargetsMetadataView(ReadView):
    """Tell what is known about the metrics of each target."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer target by target, until there are as many entries as the limit or a few more."""
        limit = read_number(request, "limit")
        wanted = self.parameter(request, "metric")
        selector = next((text for text in texts(request, "match_target") if text), "")
        try:
            matchers = parse_metric_selector(selector).all_matchers if selector else ()
        except ParseError as error:
            raise BadParameterError("match_target", str(error)) from error
        targets = (
            target
            for target in ScrapeTarget.objects.present()
            .exclude(job=None)
            .order_by("job__name", "pk")
            .only("labels", "series")
            .iterator(chunk_size=100)
            if matches_all(matchers, label_set(target.labels))
        )
        return answer(request, list_parts(_entries(targets, wanted, limit)))


def families(known: Mapping[str, Metadata]) -> dict[str, list[Metadata]]:
    """Return the different things that are said about each family, of what is known about metrics."""
    found: dict[str, list[Metadata]] = defaultdict(list)
    for name, metadata in known.items():
        if metadata == Metadata():
            continue
        family = family_of(name, metadata.type)
        if metadata not in found[family]:
            found[family].append(metadata)
    return dict(found)


def family_of(metric_name: str, kind: MetricType) -> str:
    """Return the family that a metric belongs to: a histogram's buckets, sum and count are parts of one."""
    for part in _PARTS.get(kind, ()):
        if metric_name.endswith(part):
            return metric_name.removesuffix(part)
    return metric_name


def _entries(
    targets: Iterable[ScrapeTarget], wanted: str, limit: int | None
) -> Iterator[dict[str, Any]]:
    count = 0
    for target in targets:
        if limit is not None and 0 <= limit <= count:
            return
        names = metric_names(bytes(target.series))
        found = families(get_backend().metadata(sorted(names)))
        labels = dict(sorted(target.labels.items()))
        for family in sorted(found) if not wanted else [wanted] if wanted in found else []:
            # Prometheus leaves the name out where it was asked for.
            named = {} if wanted else {"metric": family}
            for metadata in found[family]:
                count += 1
                entry = _entry(metadata)
                yield {
                    "target": labels,
                    **named,
                    "type": entry["type"],
                    "help": entry["help"],
                    "unit": entry["unit"],
                }


def _entry(metadata: Metadata) -> dict[str, str]:
    return {"type": metadata.type, "unit": metadata.unit, "help": metadata.help}
