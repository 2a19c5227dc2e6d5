"""The engine: takes a query, evaluates it over a storage, and shapes its result."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from observability.promql.annotations import Annotations
from observability.promql.blocks import (
    Ints,
    VectorBlock,
    concatenate,
    offsets_of,
    one_series,
    settle_names,
)
from observability.promql.context import Context
from observability.promql.errors import BadDataError, ExpressionTypeError
from observability.promql.evaluation import Evaluator
from observability.promql.labels import LabelSet
from observability.promql.limits import Account
from observability.promql.options import AS_USUAL, QueryOptions
from observability.promql.parser import parse
from observability.promql.plan import fix_bounds
from observability.promql.profile import Profile
from observability.promql.sample_counts import SampleCounts
from observability.promql.signatures import ValueType
from observability.promql.statistics import QueryStatistics
from observability.promql.steps import FARTHEST_MS, Steps
from observability.promql.storage import Storage
from observability.promql.syntax import Expr
from observability.promql.typecheck import value_type
from observability.promql.values import (
    InstantVector,
    Matrix,
    QueryResult,
    Scalar,
    String,
    Value,
)
from observability.promql.windows import WindowBlock

LOOKBACK_MS = 300_000
"""How far an instant selector looks back for a sample (Prometheus's default)."""

SUBQUERY_STEP_MS = 60_000
"""Distance of the steps where `[range:]` names none: Prometheus's evaluation interval."""


class Engine:
    """Evaluates PromQL; holds options only, so one object serves any number of threads.

    With `compat` 2, the left edge belongs to a window, as in Prometheus 2.
    """

    def __init__(
        self,
        *,
        lookback_ms: int = LOOKBACK_MS,
        compat: int = 3,
        subquery_step_ms: int = SUBQUERY_STEP_MS,
    ) -> None:
        self._lookback_ms = lookback_ms
        self._subquery_step_ms = subquery_step_ms
        # In whole milliseconds, 1 ms more takes in exactly what lies on the edge.
        self._edge_ms = 1 if compat == 2 else 0

    def query(
        self,
        expr: Expr | str,
        *,
        at_ms: int,
        storage: Storage,
        options: QueryOptions = AS_USUAL,
    ) -> QueryResult:
        """Evaluate `expr` at one time.

        Raises:
            PromQLError: The query is wrong, not supported, too large or too slow, or
                the data does not allow an answer.
        """
        watch = _Stopwatch()
        tree = parse(expr) if isinstance(expr, str) else expr
        steps = Steps(at_ms, at_ms, 0)
        text = expr if isinstance(expr, str) else ""
        return self._evaluate(tree, text, steps, storage, options, watch, _instant)

    def query_range(
        self,
        expr: Expr | str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        storage: Storage,
        options: QueryOptions = AS_USUAL,
    ) -> QueryResult:
        """Evaluate `expr` at each step from `start_ms` to `end_ms`; the value is a `Matrix`.

        Raises:
            PromQLError: As for `query`, and for a string or a range vector, which have no
                value at a step.
        """
        watch = _Stopwatch()
        tree = parse(expr) if isinstance(expr, str) else expr
        kind = value_type(tree)
        if kind not in (ValueType.SCALAR, ValueType.VECTOR):
            raise ExpressionTypeError(kind)
        if step_ms <= 0:
            raise BadDataError(
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer"
            )
        if end_ms < start_ms:
            raise BadDataError("end timestamp must not be before start time")
        steps = Steps(start_ms, end_ms, step_ms)
        options.limits.check_resolution(steps.count)
        text = expr if isinstance(expr, str) else ""
        return self._evaluate(tree, text, steps, storage, options, watch, _range)

    def _evaluate(
        self,
        expr: Expr,
        text: str,
        steps: Steps,
        storage: Storage,
        options: QueryOptions,
        watch: "_Stopwatch",
        shape: Callable[[Expr, Evaluator], Value | VectorBlock],
    ) -> QueryResult:
        if max(map(abs, (steps.start_ms, steps.end_ms, steps.step_ms))) > FARTHEST_MS:
            raise BadDataError("timestamp out of bounds")
        account = Account(options.limits, is_canceled=options.is_canceled)
        annotations = Annotations(text)
        profile = Profile() if options.explain else None
        context = Context(
            steps=steps,
            storage=storage if profile is None else profile.observed(storage),
            account=account,
            annotations=annotations,
            lookback_ms=(options.lookback_ms or self._lookback_ms) + self._edge_ms,
            edge_ms=self._edge_ms,
            subquery_step_ms=self._subquery_step_ms,
            counts=SampleCounts(steps) if options.with_statistics else None,
        )
        planned = fix_bounds(expr, steps)
        evaluator = Evaluator(context) if profile is None else profile.evaluator(context, planned)
        preparation_seconds = watch.lap()
        # Cells that are not present are calculated along with the others.
        with np.errstate(all="ignore"):
            found = shape(planned, evaluator)
        evaluation_seconds = watch.lap()
        value = _matrix(found, steps) if isinstance(found, VectorBlock) else found
        account.check_time()
        return QueryResult(
            value=value,
            warnings=annotations.warnings,
            infos=annotations.infos,
            samples_read=account.samples_read,
            statistics=None
            if context.counts is None
            else QueryStatistics(
                preparation_seconds=preparation_seconds,
                evaluation_seconds=evaluation_seconds,
                sorting_seconds=watch.lap(),
                timestamps_ms=steps.timestamps_ms,
                samples_per_step=context.counts.looked_at,
                reads_per_step=context.counts.read,
                peak_samples=account.peak,
            ),
            explanation=None if profile is None else profile.explanation(expr, planned),
        )


class _Stopwatch:
    """Tells the seconds since it was asked last."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        before, self._since = self._since, time.perf_counter()
        return self._since - before


def _instant(expr: Expr, evaluator: Evaluator) -> Value:
    at_ms = evaluator.context.steps.start_ms
    match value_type(expr):
        case ValueType.SCALAR:
            return Scalar(at_ms, float(evaluator.scalar(expr)[0]))
        case ValueType.STRING:
            return String(at_ms, evaluator.string(expr))
        case ValueType.MATRIX:
            return _windows(evaluator.windows(expr), evaluator.context)
        case ValueType.VECTOR:
            whole = settle_names(_collect(evaluator.vector(expr), evaluator.context))
            return InstantVector(at_ms, whole.label_sets, whole.values[:, 0])


def _range(expr: Expr, evaluator: Evaluator) -> VectorBlock:
    context = evaluator.context
    if value_type(expr) is ValueType.SCALAR:
        blocks = iter([one_series((), evaluator.scalar(expr))])
    else:
        blocks = evaluator.vector(expr)
    return settle_names(_collect(blocks, context))


def _matrix(whole: VectorBlock, steps: Steps) -> Matrix:
    """Return the values of a range query, series by series in the order of their labels."""
    whole = whole.take(_sorted_rows(whole.label_sets))
    counts = whole.present.sum(axis=1)
    return Matrix(
        whole.label_sets,
        offsets_of(counts),
        np.broadcast_to(steps.timestamps_ms, whole.present.shape)[whole.present],
        whole.values[whole.present],
    )


def _collect(blocks: Iterator[VectorBlock], context: Context) -> VectorBlock:
    """Return the blocks as one, within the limits of what a query may hold."""
    return concatenate(context.counted(blocks), context.steps.count)


def _windows(blocks: Iterator[WindowBlock], context: Context) -> Matrix:
    """Return the samples of the one window of each series."""
    found: list[tuple[LabelSet, WindowBlock, slice]] = []
    for block in blocks:
        context.account.add_points(int(block.counts.sum()))
        found.extend(
            (labels, block, slice(int(block.first[i, 0]), int(block.last[i, 0])))
            for i, labels in enumerate(block.label_sets)
            if block.last[i, 0] > block.first[i, 0]
        )
    found.sort(key=lambda series: series[0])
    lengths = np.array([part.stop - part.start for _, _, part in found], dtype=np.int64)
    return Matrix(
        [labels for labels, _, _ in found],
        offsets_of(lengths),
        np.concatenate(
            [np.zeros(0, dtype=np.int64), *(block.timestamps_ms[part] for _, block, part in found)]
        ),
        np.concatenate([np.zeros(0), *(block.values[part] for _, block, part in found)]),
    )


def _sorted_rows(label_sets: Sequence[LabelSet]) -> Ints:
    return np.array(sorted(range(len(label_sets)), key=label_sets.__getitem__), dtype=np.int64)
