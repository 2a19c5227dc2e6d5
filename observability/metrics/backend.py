"""The seam behind which metrics are kept: everything above the store calls it and nothing else.

The portal's own store in PostgreSQL is the one backend today; an outside engine that speaks
Prometheus's protocols can stand behind the same seam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from django.conf import settings

from observability.metrics.ingest.limits import series_limits
from observability.metrics.ingest.sender import PORTAL, Sender
from observability.metrics.models import LabelPair, Metric
from observability.metrics.samples import Metadata, MetricType, SampleBatch
from observability.metrics.store import catalogue, log
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.label_values import label_pairs
from observability.metrics.store.log import LogSamples
from observability.metrics.store.selection import find_series
from observability.metrics.store.storage import PostgresStorage
from observability.promql import Engine, QueryOptions, QueryResult
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.matchers import Matcher
from observability.promql.options import AS_USUAL


class MetricsBackend(Protocol):
    """Where metrics go and where answers come from."""

    def append(self, batch: SampleBatch, *, sender: Sender = PORTAL) -> int:
        """Store a batch and return the number of its samples; it is durable on return.

        Raises `SeriesLimitError` when a series may not be made; then no sample was stored.
        """
        ...

    def query(self, expr: str, *, at_ms: int, options: QueryOptions = AS_USUAL) -> QueryResult:
        """Evaluate a PromQL expression at one time; raises `PromQLError`."""
        ...

    def query_range(
        self,
        expr: str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_USUAL,
    ) -> QueryResult:
        """Evaluate a PromQL expression at each step of a range; raises `PromQLError`."""
        ...

    def series(self, matchers: Sequence[Matcher], *, limit: int | None = None) -> list[LabelSet]:
        """Return the label sets of the series that satisfy all matchers."""
        ...

    def label_names(self) -> list[str]:
        """Return every label name in use, sorted, `__name__` among them."""
        ...

    def label_values(self, name: str) -> list[str]:
        """Return every value of a label, sorted."""
        ...

    def metadata(self, names: Sequence[str] | None = None) -> Mapping[str, Metadata]:
        """Return what is known about the metrics of these names, or about all."""
        ...


class LocalBackend:
    """The portal's own store and query engine."""

    def __init__(self) -> None:
        self._engine = Engine(compat=settings.PROMQL_COMPAT)

    def append(self, batch: SampleBatch, *, sender: Sender = PORTAL) -> int:
        """Store a batch as one row of the sample log."""
        limits = series_limits(sender)

        def write(epoch: Epoch) -> None:
            ids = catalogue.series_ids(batch.label_sets, limits=limits)
            log.append(
                LogSamples(
                    series_ids=ids[batch.series],
                    timestamps_ms=batch.timestamps_ms,
                    values=batch.values,
                ),
                epoch,
            )

        catalogue.with_current_ids(write)
        catalogue.record_metadata(batch.metadata)
        return len(batch)

    def query(self, expr: str, *, at_ms: int, options: QueryOptions = AS_USUAL) -> QueryResult:
        """Evaluate over the store at one time."""
        return self._engine.query(expr, at_ms=at_ms, storage=PostgresStorage(), options=options)

    def query_range(
        self,
        expr: str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_USUAL,
    ) -> QueryResult:
        """Evaluate over the store at each step of a range."""
        return self._engine.query_range(
            expr,
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            storage=PostgresStorage(),
            options=options,
        )

    def series(self, matchers: Sequence[Matcher], *, limit: int | None = None) -> list[LabelSet]:
        """Return label sets from the catalogue, whenever they had samples."""
        return [found.labels for found in find_series(matchers, limit=limit)]

    def label_names(self) -> list[str]:
        """Return label names from the catalogue."""
        names = LabelPair.objects.order_by("name").values_list("name", flat=True).distinct()
        return sorted({*names, METRIC_NAME}) if Metric.objects.exists() else []

    def label_values(self, name: str) -> list[str]:
        """Return values from the catalogue."""
        if name == METRIC_NAME:
            return sorted(Metric.objects.values_list("name", flat=True))
        return list(label_pairs(name).values.values)

    def metadata(self, names: Sequence[str] | None = None) -> Mapping[str, Metadata]:
        """Return metadata from the catalogue."""
        metrics = Metric.objects.all() if names is None else Metric.objects.filter(name__in=names)
        return {
            metric.name: Metadata(type=MetricType(metric.type), help=metric.help, unit=metric.unit)
            for metric in metrics
        }


@lru_cache(maxsize=1)
def get_backend() -> MetricsBackend:
    """Return the backend of this process."""
    return LocalBackend()
