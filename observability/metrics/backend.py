"""The seam behind which metrics are kept: everything above the store calls it and nothing else.

The portal's own store in PostgreSQL is the one backend today; an outside engine that speaks
Prometheus's protocols can stand behind the same seam.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Protocol

from django.conf import settings

from observability.metrics.exemplars import SeriesExemplars
from observability.metrics.ingest.limits import series_limits
from observability.metrics.ingest.sender import PORTAL, Sender
from observability.metrics.models import Metric
from observability.metrics.period import EVER, Period
from observability.metrics.result_cache.cache import RangeQuery, ResultCache
from observability.metrics.samples import Metadata, MetricType, SampleBatch
from observability.metrics.store import catalogue, log
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.exemplars.reading import read_exemplars
from observability.metrics.store.listing import (
    Selectors,
    list_label_names,
    list_label_values,
    list_series,
)
from observability.metrics.store.log import LogSamples
from observability.metrics.store.newest import NewestSample, newest_samples
from observability.metrics.store.storage import PostgresStorage
from observability.metrics.store.together import SamplesReadTogether
from observability.promql import Engine, QueryOptions, QueryResult
from observability.promql.engine import LOOKBACK_MS
from observability.promql.labels import LabelSet
from observability.promql.options import AS_USUAL
from observability.promql.storage import Reading, Storage
from observability.promql.syntax import Expr


class MetricsBackend(Protocol):
    """Where metrics go and where answers come from."""

    def append(self, batch: SampleBatch, *, sender: Sender = PORTAL) -> int:
        """Store a batch and return the number of its samples; it is durable on return.

        Raises `SeriesLimitError` when a series may not be made; then no sample was stored.
        """
        ...

    def query(
        self,
        expr: Expr | str,
        *,
        at_ms: int,
        options: QueryOptions = AS_USUAL,
        storage: Storage | None = None,
    ) -> QueryResult:
        """Evaluate a PromQL expression at one time; raises `PromQLError`.

        With a storage from `read_together`, or one made of it, samples are taken from there.
        """
        ...

    def read_together(self, readings: Iterable[Reading]) -> Storage:
        """Read what several expressions are going to need, and return what answers all of them."""
        ...

    def query_range(
        self,
        expr: str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_USUAL,
        use_cache: bool = True,
    ) -> QueryResult:
        """Evaluate a PromQL expression at each step of a range; raises `PromQLError`.

        Results of times that are long past may be kept and reused, unless `use_cache` is False.
        """
        ...

    def series(
        self, selectors: Selectors = (), *, period: Period = EVER, limit: int | None = None
    ) -> Iterator[LabelSet]:
        """Yield the label sets of series, each once.

        Args:
            selectors: Series that satisfy all matchers of any of these; none means all series.
            period: Only series that have samples then, give or take what the store keeps together.
            limit: At most so many.
        """
        ...

    def label_names(
        self, selectors: Selectors = (), *, period: Period = EVER, limit: int | None = None
    ) -> list[str]:
        """Return the label names of such series, sorted, `__name__` among them."""
        ...

    def label_values(
        self,
        name: str,
        selectors: Selectors = (),
        *,
        period: Period = EVER,
        limit: int | None = None,
    ) -> list[str]:
        """Return the values that a label has on such series, sorted."""
        ...

    def newest(self, selectors: Selectors, *, period: Period) -> Iterator[NewestSample]:
        """Yield the newest sample in a period of each series of any of the selectors.

        Sorted by the metric's name; series that have ended are left out.
        """
        ...

    def exemplars(self, selectors: Selectors, *, period: Period) -> Iterator[SeriesExemplars]:
        """Yield the series of any of the selectors that have exemplars in a period, sorted by labels."""
        ...

    def metadata(self, names: Sequence[str] | None = None) -> Mapping[str, Metadata]:
        """Return what is known about the metrics of these names, or about all."""
        ...


class LocalBackend:
    """The portal's own store and query engine."""

    def __init__(self) -> None:
        self._engine = Engine(compat=settings.PROMQL_COMPAT)
        self._cache = ResultCache()

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

    def query(
        self,
        expr: Expr | str,
        *,
        at_ms: int,
        options: QueryOptions = AS_USUAL,
        storage: Storage | None = None,
    ) -> QueryResult:
        """Evaluate over the store at one time."""
        return self._engine.query(
            expr, at_ms=at_ms, storage=storage or PostgresStorage(), options=options
        )

    def read_together(self, readings: Iterable[Reading]) -> Storage:
        """Read from the store what several expressions need."""
        return SamplesReadTogether(readings)

    def query_range(
        self,
        expr: str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_USUAL,
        use_cache: bool = True,
    ) -> QueryResult:
        """Evaluate over the store at each step of a range, without what is cached of the query."""

        def evaluate(start_ms: int, end_ms: int) -> QueryResult:
            return self._engine.query_range(
                expr,
                start_ms=start_ms,
                end_ms=end_ms,
                step_ms=step_ms,
                storage=PostgresStorage(),
                options=options,
            )

        if not use_cache or step_ms <= 0 or options.with_statistics or options.explain:
            return evaluate(start_ms, end_ms)
        query = RangeQuery(
            text=expr,
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            lookback_ms=options.lookback_ms or LOOKBACK_MS,
            engine=f"compat {settings.PROMQL_COMPAT}",
            limits=options.limits,
        )
        return self._cache.answer(query, evaluate)

    def series(
        self, selectors: Selectors = (), *, period: Period = EVER, limit: int | None = None
    ) -> Iterator[LabelSet]:
        """Yield label sets from the catalogue, page by page."""
        return islice(list_series(selectors, period, limit=limit), limit)

    def label_names(
        self, selectors: Selectors = (), *, period: Period = EVER, limit: int | None = None
    ) -> list[str]:
        """Return label names from the catalogue."""
        return list_label_names(selectors, period)[:limit]

    def label_values(
        self,
        name: str,
        selectors: Selectors = (),
        *,
        period: Period = EVER,
        limit: int | None = None,
    ) -> list[str]:
        """Return values from the catalogue."""
        return list_label_values(name, selectors, period)[:limit]

    def newest(self, selectors: Selectors, *, period: Period) -> Iterator[NewestSample]:
        """Yield samples that were read, some series at a time."""
        return newest_samples(selectors, period)

    def exemplars(self, selectors: Selectors, *, period: Period) -> Iterator[SeriesExemplars]:
        """Yield exemplars that were kept, some series at a time."""
        return read_exemplars(selectors, period)

    def metadata(self, names: Sequence[str] | None = None) -> Mapping[str, Metadata]:
        """Return metadata from the catalogue."""
        metrics = Metric.objects.all() if names is None else Metric.objects.filter(name__in=names)
        return {
            name: Metadata(type=MetricType(kind), help=help_text, unit=unit)
            for name, kind, help_text, unit in metrics.values_list("name", "type", "help", "unit")
        }


@lru_cache(maxsize=1)
def get_backend() -> MetricsBackend:
    """Return the backend of this process."""
    return LocalBackend()
