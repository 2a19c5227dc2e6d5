"""Warnings and infos that a query collects beside its value."""

from dataclasses import dataclass
from typing import Protocol

from observability.promql.places import line_and_column
from observability.promql.syntax import NO_SPAN, Span


class Detail(Protocol):
    """What is added to a sentence that arose more than once, put together."""

    def joined(self, later: "Detail") -> "Detail":
        """Return what is to be said of both."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Annotation:
    span: Span
    detail: Detail | None = None


class Annotations:
    """Sentences on a query, each kept once, in the order they arose.

    Each names the place in the query's text that it is about, the last one when there are more.
    """

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._warnings: dict[str, _Annotation] = {}
        self._infos: dict[str, _Annotation] = {}

    def warn(self, message: str, span: Span = NO_SPAN) -> None:
        """Add a warning: the result may be wrong."""
        self._warnings[f"PromQL warning: {message}"] = _Annotation(span)

    def inform(self, message: str, span: Span = NO_SPAN, detail: Detail | None = None) -> None:
        """Add an info: the query is probably not what was meant."""
        sentence = f"PromQL info: {message}"
        before = self._infos.get(sentence)
        if before is not None and before.detail is not None and detail is not None:
            detail = before.detail.joined(detail)
        self._infos[sentence] = _Annotation(span, detail)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, as Prometheus's API words them."""
        return self._worded(self._warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        """The infos, as Prometheus's API words them."""
        return self._worded(self._infos)

    def _worded(self, annotations: dict[str, _Annotation]) -> tuple[str, ...]:
        if not self._text:
            return tuple(annotations)
        return tuple(
            sentence + self._addition(annotation) for sentence, annotation in annotations.items()
        )

    def _addition(self, annotation: _Annotation) -> str:
        detail = "" if annotation.detail is None else str(annotation.detail)
        if annotation.span == NO_SPAN:
            return detail
        return f"{detail} ({line_and_column(self._text, annotation.span.start)})"
