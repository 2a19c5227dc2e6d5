"""Records what each node of a query takes while it is evaluated.

Blocks come lazily, so a node works whenever its next block is asked for: the time until it is
there belongs to the node, without what those inside it need for theirs.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

import numpy as np

from observability.promql.blocks import Floats, VectorBlock
from observability.promql.context import Context
from observability.promql.evaluation import Evaluator
from observability.promql.explanation import Explanation
from observability.promql.matchers import Matcher
from observability.promql.parser import children
from observability.promql.rollups import RollupWindows
from observability.promql.staleness import InstantSelection
from observability.promql.storage import (
    RollupBlock,
    RollupColumn,
    SelectHints,
    SeriesBlock,
    Storage,
)
from observability.promql.syntax import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)
from observability.promql.windows import WindowBlock

T = TypeVar("T")


@dataclass(slots=True)
class _Tally:
    own_seconds: float = 0.0
    series: int = 0
    points: int = 0
    sources: Counter[str] = field(default_factory=Counter)


class Profile:
    """The tallies of one query, of which the topmost on the stack is at work."""

    def __init__(self) -> None:
        # By identity: nodes of equal meaning stand at several places of a query.
        self._tallies: dict[int, _Tally] = {}
        self._outside = _Tally()
        self._at_work = [self._outside]
        self._since = time.perf_counter()

    def observed(self, storage: Storage) -> Storage:
        """Return the storage, whose samples count for the node that asks for them."""
        return _ObservedStorage(storage, self)

    def evaluator(self, context: Context, expr: Expr) -> Evaluator:
        """Return an evaluator of `expr` that records what its nodes take."""
        waiting = [expr]
        while waiting:
            node = waiting.pop()
            self._tallies[id(node)] = _Tally()
            waiting += children(node)
        return _ObservedEvaluator(context, self)

    def explanation(self, written: Expr, planned: Expr) -> Explanation:
        """Return what was recorded.

        Args:
            written: The tree as it was parsed.
            planned: The tree that was evaluated: the same nodes, with bounds put in.
        """
        tally = self._tallies[id(planned)]
        parts = () if isinstance(written, MatrixSelector) else children(written)
        planned_parts = () if isinstance(written, MatrixSelector) else children(planned)
        inside = tuple(map(self.explanation, parts, planned_parts))
        return Explanation(
            text=str(written),
            span=written.span,
            kind=_kind(written),
            seconds=tally.own_seconds + sum(part.seconds for part in inside),
            own_seconds=tally.own_seconds,
            series=tally.series,
            points=tally.points,
            samples=tally.sources.total() + sum(part.samples for part in inside),
            sources=dict(tally.sources),
            children=inside,
        )

    def tally(self, expr: Expr) -> _Tally:
        """Return the tally of a node; of one that is not of the query, that of who asks for it."""
        return self._tallies.get(id(expr), self._at_work[-1])

    @contextmanager
    def working(self, tally: _Tally) -> Iterator[None]:
        """Give this tally the time until the block ends, or until another one gets it."""
        self._at_work[-1].own_seconds += self._lap()
        self._at_work.append(tally)
        try:
            yield
        finally:
            self._at_work.pop().own_seconds += self._lap()

    def following(
        self, tally: _Tally, blocks: Iterator[T], count: Callable[[_Tally, T], None]
    ) -> Iterator[T]:
        """Return the blocks, each counted and its making timed when it is asked for."""
        if self._at_work[-1] is tally:
            # The node itself asks, by another way, and what it then gives is counted.
            return blocks
        return self._followed(tally, blocks, count)

    def _followed(
        self, tally: _Tally, blocks: Iterator[T], count: Callable[[_Tally, T], None]
    ) -> Iterator[T]:
        while True:
            with self.working(tally):
                block = next(blocks, None)
                if block is not None:
                    count(tally, block)
            if block is None:
                return
            yield block

    def count_source(self, source: str, count: int) -> None:
        """Count values that were read for the node at work."""
        self._at_work[-1].sources[source] += count

    def _lap(self) -> float:
        before, self._since = self._since, time.perf_counter()
        return self._since - before


class _ObservedEvaluator(Evaluator):
    """An evaluator that tells a profile when a node works, and what it gives."""

    def __init__(self, context: Context, profile: Profile) -> None:
        super().__init__(context)
        self._profile = profile

    def scalar(self, expr: Expr) -> Floats:
        tally = self._profile.tally(expr)
        with self._profile.working(tally):
            values = super().scalar(expr)
        tally.series += 1
        tally.points += len(values)
        return values

    def string(self, expr: Expr) -> str:
        with self._profile.working(self._profile.tally(expr)):
            return super().string(expr)

    def vector(self, expr: Expr, *, function: str = "") -> Iterator[VectorBlock]:
        tally = self._profile.tally(expr)
        with self._profile.working(tally):
            blocks = super().vector(expr, function=function)
        return self._profile.following(tally, blocks, _count_vector)

    def samples(
        self, selector: VectorSelector, *, function: str
    ) -> Iterator[tuple[SeriesBlock | RollupBlock, InstantSelection]]:
        found = super().samples(selector, function=function)
        return self._profile.following(self._profile.tally(selector), found, _count_samples)

    def windows(self, expr: Expr, *, function: str = "") -> Iterator[WindowBlock]:
        tally = self._profile.tally(unwrap(expr))
        with self._profile.working(tally):
            blocks = super().windows(expr, function=function)
        return self._profile.following(tally, blocks, _count_windows)

    def rollup_windows(
        self, expr: Expr, *, columns: frozenset[RollupColumn], function: str = ""
    ) -> Iterator[WindowBlock | RollupWindows]:
        tally = self._profile.tally(unwrap(expr))
        with self._profile.working(tally):
            blocks = super().rollup_windows(expr, columns=columns, function=function)
        return self._profile.following(tally, blocks, _count_windows)

    def within(self, context: Context) -> Evaluator:
        return _ObservedEvaluator(context, self._profile)


class _ObservedStorage:
    """A storage that tells a profile what it gives."""

    def __init__(self, storage: Storage, profile: Profile) -> None:
        self._storage = storage
        self._profile = profile

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        for block in self._storage.select(matchers, hints):
            self._profile.count_source(_source(block), len(block))
            yield block


def _count_vector(tally: _Tally, block: VectorBlock) -> None:
    _count_present(tally, block)


def _count_samples(
    tally: _Tally, found: tuple[SeriesBlock | RollupBlock, InstantSelection]
) -> None:
    _count_present(tally, found[1])


def _count_present(tally: _Tally, block: VectorBlock | InstantSelection) -> None:
    tally.series += int(np.count_nonzero(block.present.any(axis=1)))
    tally.points += int(np.count_nonzero(block.present))


def _count_windows(tally: _Tally, windows: WindowBlock | RollupWindows) -> None:
    tally.series += len(windows.label_sets)
    if isinstance(windows, RollupWindows):
        tally.points += int(windows.total(windows.counts).sum())
    else:
        tally.points += int((windows.last - windows.first).sum())


def _source(block: SeriesBlock | RollupBlock) -> str:
    return "samples" if isinstance(block, SeriesBlock) else "rollups"


def _kind(expr: Expr) -> str:
    match expr:
        case NumberLiteral():
            return "number"
        case StringLiteral():
            return "string"
        case VectorSelector():
            return "selector"
        case MatrixSelector():
            return "range selector"
        case Subquery():
            return "subquery"
        case Call():
            return "function"
        case Aggregation():
            return "aggregation"
        case Binary():
            return "operator"
        case Unary():
            return "sign"
        case Paren():
            return "parentheses"
        case _:
            assert_never(expr)
