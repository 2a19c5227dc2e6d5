"""The filter of a metric's page: matchers, as people type them and as links carry them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from observability.metrics.selectors import parse_selector
from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_metric_name,
    is_legacy_metric_name,
    quote,
)
from observability.promql.matchers import Matcher, MatchOp


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series of a metric are looked at.

    Attributes:
        metric_name: The metric.
        matchers: On its labels; none means all series.
    """

    metric_name: str
    matchers: tuple[Matcher, ...] = ()

    @property
    def all_matchers(self) -> tuple[Matcher, ...]:
        """Return the matchers with the one on the metric's name."""
        return (Matcher(METRIC_NAME, MatchOp.EQUAL, self.metric_name), *self.matchers)

    @property
    def text(self) -> str:
        """Return the matchers as one types them, without braces."""
        return ", ".join(map(str, self.matchers))

    @property
    def selector(self) -> str:
        """Return the selector in PromQL."""
        return selector_of(self.metric_name, self.matchers)

    def without(self, matcher: Matcher) -> SeriesFilter:
        """Return the filter with one matcher less."""
        return SeriesFilter(self.metric_name, tuple(m for m in self.matchers if m != matcher))

    def narrowed(self, label: str, value: str) -> SeriesFilter:
        """Return the filter that asks a label for one value; what else it asked of it goes."""
        others = tuple(matcher for matcher in self.matchers if matcher.name != label)
        return SeriesFilter(self.metric_name, (*others, Matcher(label, MatchOp.EQUAL, value)))


def parse_filter(metric_name: str, text: str) -> SeriesFilter:
    """Return the filter that a text means: matchers, in braces or not, with the metric's name or not.

    Raises:
        PromQLError: It is none.
    """
    inner = text.strip()
    for name in (metric_name, quote(metric_name)):
        inner = inner.removeprefix(name).lstrip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    inner = inner.strip().removeprefix(quote(metric_name)).strip(" ,")
    if not inner:
        return SeriesFilter(metric_name)
    matchers = parse_selector(f"{{{METRIC_NAME}={quote(metric_name)}, {inner}}}")
    for matcher in matchers:
        # A regular expression that is none is told at once.
        matcher.matches("")
    return SeriesFilter(metric_name, matchers[1:])


def filter_of(labels: LabelSet) -> SeriesFilter:
    """Return the filter that selects one series."""
    name = dict(labels)[METRIC_NAME]
    pairs = drop_metric_name(labels)
    return SeriesFilter(name, tuple(Matcher(n, MatchOp.EQUAL, v) for n, v in pairs))


def selector_of(metric_name: str, matchers: Iterable[Matcher]) -> str:
    """Return a selector in PromQL; a name that needs it stands in quotes within the braces."""
    parts = list(map(str, matchers))
    if not is_legacy_metric_name(metric_name):
        return "{" + ", ".join([quote(metric_name), *parts]) + "}"
    return metric_name + ("{" + ", ".join(parts) + "}" if parts else "")
