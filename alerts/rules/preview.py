"""What a rule would do now, before it is saved: its graph, and the alerts that would fire.

Whatever a draft says, a preview ends soon and is small: queries have limits of their own, only
so many series are drawn and told, and all templates together have only so much time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import TypeVar

from alerts.rules.data_expression import data_expression
from alerts.rules.errors import RuleEvaluationError
from alerts.rules.expansion import expander
from alerts.rules.rule_evaluation import (
    NOTHING,
    AlertingRule,
    Evaluation,
    RecordingRule,
    Sample,
    Vector,
    evaluate_rule,
    result_vector,
)
from alerts.rules.states import Expand, Terms
from alerts.rules.thresholds import Threshold, threshold_of
from observability.metrics.backend import MetricsBackend
from observability.metrics.query_page.check import Meaning, Problem, check
from observability.promql import PromQLError, QueryOptions, QueryResult
from observability.promql.errors import TooManySamplesError
from observability.promql.labels import LabelSet
from observability.promql.limits import Limits
from observability.promql.parser import parse
from observability.promql.syntax import Expr
from observability.promql.values import Matrix, Scalar, Value

MAX_SERIES = 25
"""Series that are told with their labels and annotations."""

MAX_LINES = 20
"""Lines of the graph."""

RANGE_MS = 6 * 3_600_000
STEP_MS = 120_000
TEMPLATES_SECONDS = 3.0
"""What all templates of a preview may take together."""

_LIMITS = Limits(max_samples=5_000_000, timeout_seconds=5.0)
_OPTIONS = QueryOptions(limits=_LIMITS)
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule that may never be saved; its expressions are known to be PromQL.

    Attributes:
        is_recording: Whether it writes series instead of raising alerts.
        name: What it is called so far.
        expr: The expression.
        resolve_expr: The resolve condition; '' for none.
        labels: Given to alerts or series, those of its group among them; templates for alerts.
        annotations: Templates.
        hold_ms: How long the condition must hold before an alert fires.
        query_offset_ms: How far back its group evaluates.
    """

    is_recording: bool
    name: str
    expr: str
    resolve_expr: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    hold_ms: int = 0
    query_offset_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An alert that would fire, or a series that would be recorded."""

    labels: LabelSet
    value: float
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A number that is drawn across the graph.

    Attributes:
        value: The number.
        op: How the expression compares with it.
        resolves: Whether it ends alerts instead of raising them.
    """

    value: float
    op: str
    resolves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series of the graph: times in ms, and values."""

    labels: LabelSet
    timestamps_ms: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What the expression watches, over the last hours.

    Attributes:
        expr: What is drawn.
        start_ms: The first step.
        end_ms: The last step.
        lines: The series that come nearest to firing, at most `MAX_LINES`.
        series_count: How many series there are.
        levels: The thresholds.
        problem: Why there are no lines; '' when there could be.
    """

    expr: str
    start_ms: int
    end_ms: int
    lines: Sequence[Line] = ()
    series_count: int = 0
    levels: Sequence[Level] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The series that comes nearest to firing where none does.

    Attributes:
        labels: Its labels.
        value: Its value.
        level: What it does not reach.
        distance: How far it is from that.
    """

    labels: LabelSet
    value: float
    level: Level
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a draft would do.

    Attributes:
        problem: Why it could not be evaluated; '' when it could.
        unknown_metrics: Metrics that it names and of which nothing is stored.
        found: What would fire or be recorded, at most `MAX_SERIES`.
        found_count: How many there are.
        watched_count: How many series it judges; None where that cannot be told.
        nearest: Where nothing fires, what comes nearest to it, if that can be told.
        graph: The graph.
        notes: What the query engine has to say.
    """

    problem: str
    unknown_metrics: Sequence[str]
    found: Sequence[Found] = ()
    found_count: int = 0
    watched_count: int | None = None
    nearest: Nearest | None = None
    graph: Graph
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with an expression, and the text around it.

    Attributes:
        message: What was found, and what was expected.
        before: The text up to the mistake.
        marked: The word where it is.
        after: The rest.
    """

    message: str
    before: str
    marked: str
    after: str


def mistake_in(text: str) -> Mistake | None:
    """Return what keeps a text from being PromQL, None when nothing does."""
    match check(text):
        case Problem(message=message, span=(start, end)):
            return Mistake(
                message=message, before=text[:start], marked=text[start:end], after=text[end:]
            )
        case _:
            return None


def preview_rule(
    draft: Draft,
    *,
    backend: MetricsBackend,
    at_ms: int,
    external_url: str,
    templates_seconds: float = TEMPLATES_SECONDS,
) -> Preview:
    """Return what a draft would do at a time, and what its expression gave before."""
    return _Trial(draft, backend, at_ms, external_url, templates_seconds).preview()


class _Trial:
    """One evaluation of a draft, with what several parts of it need."""

    def __init__(
        self,
        draft: Draft,
        backend: MetricsBackend,
        at_ms: int,
        external_url: str,
        templates_seconds: float,
    ) -> None:
        self._draft = draft
        self._backend = backend
        self._at_ms = at_ms
        self._external_url = external_url
        self._templates_seconds = templates_seconds
        self._expr = parse(draft.expr)
        self._threshold = None if draft.is_recording else threshold_of(self._expr)
        self._found_count = 0
        self._notes: tuple[str, ...] = ()

    def preview(self) -> Preview:
        unknown = self._unknown_metrics()
        levels = self._levels()
        try:
            found = self._found()
        except (PromQLError, RuleEvaluationError) as error:
            graph = self._graph(self._watched() or self._expr, levels)
            return Preview(problem=str(error), unknown_metrics=unknown, graph=graph)
        watched = self._watched()
        current = self._current(watched)
        return Preview(
            problem="",
            unknown_metrics=unknown,
            found=found,
            found_count=self._found_count,
            watched_count=None if current is None else len(current),
            nearest=None if found else self._nearest(current, levels),
            graph=self._graph(watched or self._expr, levels),
            notes=self._notes,
        )

    def _unknown_metrics(self) -> list[str]:
        meaning = check(self._draft.expr)
        metrics = meaning.metrics if isinstance(meaning, Meaning) else ()
        return [named.name for named in metrics if named.metric is None]

    def _query(self, text: str, at_ms: int) -> QueryResult:
        return self._backend.query(
            text, at_ms=at_ms - self._draft.query_offset_ms, options=_OPTIONS
        )

    def _found(self) -> list[Found]:
        """Evaluate the draft over its first series, and count them all."""
        evaluation = self._evaluate()
        if self._draft.is_recording:
            return [
                Found(labels=labels, value=value, annotations={})
                for labels, value in evaluation.samples
            ]
        return [
            Found(
                labels=change.after.labels,
                value=change.after.value,
                annotations=change.after.annotations,
            )
            for change in evaluation.changes
            if change.after is not None
        ]

    def _evaluate(self) -> Evaluation:
        draft = self._draft
        rule: RecordingRule | AlertingRule
        if draft.is_recording:
            rule = RecordingRule(name=draft.name or "…", expr=self._expr, labels=draft.labels)
        else:
            terms = Terms(labels=draft.labels, annotations=draft.annotations)
            rule = AlertingRule(name=draft.name, expr=self._expr, terms=terms)
        return evaluate_rule(
            rule, NOTHING, self._first_series, at_ms=self._at_ms, expand=self._expander()
        )

    def _first_series(self, expr: Expr, at_ms: int) -> Vector:
        result = self._query(str(expr), at_ms)
        self._notes = (*result.warnings, *result.infos)
        vector = result_vector(result.value)
        self._found_count = len(vector)
        return self._foremost(vector, MAX_SERIES)

    def _foremost(
        self, valued: Sequence[tuple[_Key, float]], most: int
    ) -> Sequence[tuple[_Key, float]]:
        """Return what is farthest in the direction of the threshold, or else the first."""
        direction = self._threshold.direction if self._threshold else 0
        if not direction:
            return valued[:most]
        return nlargest(most, valued, key=lambda each: direction * each[1])

    def _expander(self) -> Expand:
        return expander(
            name=self._draft.name,
            at_ms=self._at_ms,
            query=self._value,
            external_url=self._external_url,
            seconds=self._templates_seconds,
        )

    def _value(self, text: str, at_ms: int) -> Value:
        return self._backend.query(text, at_ms=at_ms, options=_OPTIONS).value

    def _watched(self) -> Expr | None:
        """Return what is drawn: the expression without its comparisons."""
        if self._draft.is_recording:
            return None
        return self._threshold.watched if self._threshold else data_expression(self._expr)

    def _current(self, watched: Expr | None) -> Vector | None:
        if watched is None:
            return None
        try:
            return result_vector(self._query(str(watched), self._at_ms).value)
        except (PromQLError, RuleEvaluationError):
            return None

    def _levels(self) -> list[Level]:
        draft = self._draft
        resolution = threshold_of(parse(draft.resolve_expr)) if draft.resolve_expr else None
        given = ((self._threshold, False), (resolution, True))
        return [
            level
            for threshold, resolves in given
            if threshold and (level := self._level(threshold, resolves=resolves))
        ]

    def _level(self, threshold: Threshold, *, resolves: bool) -> Level | None:
        try:
            value = self._query(str(threshold.limit), self._at_ms).value
        except PromQLError:
            return None
        if not isinstance(value, Scalar):
            return None
        return Level(value=value.value, op=str(threshold.op), resolves=resolves)

    def _nearest(self, current: Vector | None, levels: Sequence[Level]) -> Nearest | None:
        threshold = self._threshold
        if not current or not threshold or not threshold.is_all or not levels:
            return None
        level = levels[0]

        def distance(sample: Sample) -> float:
            return abs(level.value - sample[1])

        finite = [sample for sample in current if distance(sample) < float("inf")]
        if level.resolves or not finite:
            return None
        labels, value = min(finite, key=distance)
        return Nearest(labels=labels, value=value, level=level, distance=distance((labels, value)))

    def _graph(self, watched: Expr, levels: Sequence[Level]) -> Graph:
        end_ms = self._at_ms - self._draft.query_offset_ms
        empty = Graph(expr=str(watched), start_ms=end_ms - RANGE_MS, end_ms=end_ms, levels=levels)
        try:
            result = self._backend.query_range(
                str(watched),
                start_ms=empty.start_ms,
                end_ms=end_ms,
                step_ms=STEP_MS,
                options=_OPTIONS,
                use_cache=False,
            )
        except TooManySamplesError:
            return replace(empty, problem="There are too many series to draw them.")
        except PromQLError as error:
            return replace(empty, problem=str(error))
        if not isinstance(result.value, Matrix):
            return empty
        return replace(empty, lines=self._lines(result.value), series_count=len(result.value))

    def _lines(self, matrix: Matrix) -> list[Line]:
        last = matrix.values[matrix.offsets[1:] - 1].tolist() if len(matrix) else []
        chosen = {place for place, _ in self._foremost(list(enumerate(last)), MAX_LINES)}
        return [
            Line(labels=labels, timestamps_ms=times.tolist(), values=values.tolist())
            for place, (labels, times, values) in enumerate(matrix.series())
            if place in chosen
        ]
