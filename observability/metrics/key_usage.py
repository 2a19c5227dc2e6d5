"""What API keys send, read back from the portal's own metrics, for the pages of keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from observability.access.key_panels import (
    KeyColumn,
    KeyPanel,
    register_key_column,
    register_key_panel,
)
from observability.access.models import ApiKey
from observability.access.scopes import Scope
from observability.metrics.own_figures import values_now
from observability.promql.labels import METRIC_NAME, label_value

DAY_SECONDS = 86_400

_SAMPLES = "portal_key_samples_ingested_total"
_SERIES = "portal_key_series_made_total"
_WRITES = "portal_key_writes_total"
_BYTES = "portal_key_received_bytes_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """What one key sends; None where nothing is known.

    Attributes:
        samples_per_second: Over the last minutes.
        samples: Since midnight, as all that follow.
        series: That were new.
        writes: Requests.
        received_bytes: Of their bodies.
    """

    samples_per_second: float | None
    samples: float | None
    series: float | None
    writes: float | None
    received_bytes: float | None

    @property
    def shown_rate(self) -> str:
        """Return the rate for people, a dash when it is not known."""
        return "-" if self.samples_per_second is None else _shown(self.samples_per_second)


def register_key_usage() -> None:
    """Show what keys send in the list of keys and on the page of each."""
    register_key_column(KeyColumn(name="sample_rate", title="samples/s", texts=rate_texts))
    register_key_panel(KeyPanel(name="usage", html=usage_panel))


def rate_texts(key_ids: Collection[int]) -> Mapping[int, str]:
    """Return how many samples a second these keys send, for people; keys that send none are missing."""
    rates = _by_key(f"sum by (key_id) ({_rate(_SAMPLES)}) > 0")
    return {key_id: _shown(rate) for key_id, rate in rates.items() if key_id in key_ids}


def usage_of(key_id: int) -> KeyUsage:
    """Return what a key sends."""
    rates = _by_key(f"sum by (key_id) ({_rate(_SAMPLES, _matcher(key_id))})")
    today = _growth_today(key_id)
    return KeyUsage(
        samples_per_second=rates.get(key_id),
        samples=today.get(_SAMPLES),
        series=today.get(_SERIES),
        writes=today.get(_WRITES),
        received_bytes=today.get(_BYTES),
    )


def usage_panel(key: ApiKey) -> SafeString:
    """Return what a key sends, in figures and as a chart of the last day; '' for one that may not write."""
    if not key.allows(Scope.METRICS_WRITE):
        return SafeString("")
    chart = f"sum({_rate(_SAMPLES, _matcher(key.pk))})"
    context = {
        "key": key,
        "usage": usage_of(key.pk),
        "series_per_minute": key.new_series_per_minute or settings.MAX_NEW_SERIES_PER_MINUTE,
        "chart_expr": chart,
        "chart_seconds": DAY_SECONDS,
    }
    return render_to_string("metrics/key_usage.html", context)


def _shown(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 or not rate else f"{rate:.2g}"


def _rate(metric: str, matcher: str = "") -> str:
    """Return the rate over a time in which the portal's own metrics are recorded several times."""
    seconds = max(300, 4 * settings.HOST_COLLECTOR_INTERVAL_SECONDS)
    return f"rate({metric}{matcher}[{seconds}s])"


def _growth_today(key_id: int) -> dict[str, float]:
    """Return how much each counter of a key grew since midnight, in the portal's time zone.

    `increase` would leave out what a key sent before its counter was first recorded.
    """
    now = timezone.localtime()
    seconds = int((now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds())
    fresh = max(300, 2 * settings.HOST_COLLECTOR_INTERVAL_SECONDS)
    counters = f'{{__name__=~"{_SAMPLES}|{_SERIES}|{_WRITES}|{_BYTES}",key_id="{key_id}"}}'
    last = _by_metric(f"sum by (__name__) (last_over_time({counters}[{fresh}s]))")
    before = _by_metric(
        f"sum by (__name__) (last_over_time({counters}[{DAY_SECONDS}s] offset {seconds}s))"
    )
    # A new release of the portal starts its counters anew.
    return {name: max(value - before.get(name, 0.0), 0.0) for name, value in last.items()}


def _matcher(key_id: int) -> str:
    return f'{{key_id="{key_id}"}}'


def _by_metric(expr: str) -> dict[str, float]:
    return {label_value(labels, METRIC_NAME): value for labels, value in values_now(expr)}


def _by_key(expr: str) -> dict[int, float]:
    found = ((label_value(labels, "key_id"), value) for labels, value in values_now(expr))
    return {int(key_id): value for key_id, value in found if key_id.isdecimal()}
