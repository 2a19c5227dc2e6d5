"""What a text of metrics says about metric families in its comments: HELP, TYPE and UNIT."""

from __future__ import annotations

from dataclasses import dataclass, replace

from observability.metrics.ingest.exposition_text.exposition import TextFormat
from observability.metrics.ingest.exposition_text.faults import ExpositionError, statement_fault
from observability.metrics.ingest.exposition_text.grammar import (
    OPENMETRICS_STATEMENT,
    PROMETHEUS_STATEMENT,
)
from observability.metrics.ingest.exposition_text.series_key import ESCAPES, unescape, unquote
from observability.metrics.samples import Metadata, MetricType

PROMETHEUS_TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
OPENMETRICS_TYPES = (
    "counter",
    "gauge",
    "gaugehistogram",
    "histogram",
    "info",
    "stateset",
    "summary",
    "unknown",
)

# Types of OpenMetrics that Prometheus keeps as gauges, by the endings of their series.
_KINDS_OF_GAUGES: dict[str, tuple[str, ...]] = {
    "gauge": ("",),
    "stateset": ("",),
    "info": ("_info",),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
}


# Quotes are escaped in the help texts of OpenMetrics alone.
_HELP_ESCAPES = {escape: text for escape, text in ESCAPES.items() if text != '"'}


@dataclass(frozen=True, slots=True)
class _Family:
    type: str = ""
    help: str = ""
    unit: str = ""


class Statements:
    """Collects them; a later one replaces an earlier one, as in Prometheus."""

    def __init__(self, text_format: TextFormat) -> None:
        self._is_openmetrics = text_format is TextFormat.OPENMETRICS
        self._families: dict[str, _Family] = {}
        self._retyped: set[str] = set()

    @property
    def retyped(self) -> frozenset[str]:
        """The families with more than one TYPE."""
        return frozenset(self._retyped)

    def add(self, comment: bytes, *, line: int) -> None:
        """Take in a line that begins with `#`.

        Raises:
            ExpositionError: It is against the format.
        """
        grammar = OPENMETRICS_STATEMENT if self._is_openmetrics else PROMETHEUS_STATEMENT
        statement = grammar.fullmatch(comment)
        if statement is None:
            if fault := statement_fault(comment, is_openmetrics=self._is_openmetrics):
                raise ExpositionError(line, fault)
            return
        keyword, name = statement[1], unquote(statement[2])
        text = (statement[3] or b"").decode()
        family = self._families.get(name, _Family())
        if keyword == b"HELP":
            escapes = ESCAPES if self._is_openmetrics else _HELP_ESCAPES
            family = replace(family, help=unescape(text, escapes))
        elif keyword == b"UNIT":
            self._check_unit(name, text, line)
            family = replace(family, unit=text)
        elif kind := self._checked_type(name, text.rstrip(" \t"), line):
            if family.type:
                self._retyped.add(name)
            family = replace(family, type=kind)
        self._families[name] = family

    def metadata(self) -> dict[str, Metadata]:
        """Return what was said, by the names that the store knows the families by."""
        metadata = {}
        for name, said in self._families.items():
            kind = MetricType.UNKNOWN
            if said.type in _KINDS_OF_GAUGES:
                kind = MetricType.GAUGE
            elif said.type in list(MetricType):
                kind = MetricType(said.type)
            for ending in _KINDS_OF_GAUGES.get(said.type, ("",)):
                metadata[name + ending] = Metadata(type=kind, help=said.help, unit=said.unit)
        return metadata

    def _checked_type(self, name: str, kind: str, line: int) -> str:
        types = OPENMETRICS_TYPES if self._is_openmetrics else PROMETHEUS_TYPES
        # Prometheus overlooks it when the type is missing, in its own format alone.
        if kind not in types and (kind or self._is_openmetrics):
            raise ExpositionError(
                line, f"{kind[:40]!r} is not a type for {name}; expected one of {', '.join(types)}"
            )
        return kind

    def _check_unit(self, name: str, unit: str, line: int) -> None:
        if unit and not name.endswith(f"_{unit}"):
            raise ExpositionError(
                line, f"the unit {unit[:40]!r} is not the end of the metric's name {name[:100]!r}"
            )
