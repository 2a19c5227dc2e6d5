"""Range queries answered from what is kept of them, and evaluated from there on.

What is kept of a query is reused as far as it reaches from its first step on; what follows is evaluated
in one go. So a dashboard that asks again for its last hours pays for the last minutes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from django.conf import settings
from django.db import connection

from observability.metrics.instruments import QUERY_CACHE_LOOKUPS
from observability.metrics.result_cache import matrices
from observability.metrics.result_cache.grid import Grid, Span, grid_of, span_of_piece
from observability.metrics.result_cache.piece import LAYOUT, Piece, decode, encode, make_piece
from observability.metrics.result_cache.piece_store import PieceStore
from observability.metrics.result_cache.suitability import infos_have_details, reach_ms
from observability.metrics.store import amendments
from observability.metrics.store.amendments import SETTLED_MS, Moment, Stretch
from observability.promql import Limits, Matrix, QueryResult
from observability.promql.errors import TooManySamplesError

Evaluate = Callable[[int, int], QueryResult]
"""Gives the result of the query from one time to another, both steps of it."""

# Who asks for the same again has steps at round times, Grafana's in the local time of a zone. Others, whose
# range ends when they ask, would find nothing of what is kept.
_ROUND_MS = 300_000
# With fewer steps that are settled there is little to gain.
_MIN_STEPS = 32
# What is kept is added to when there are so many more steps of a piece.
_MIN_GAIN = 8
# For how long a process takes a query that read few samples for light.
_LIGHT_SECONDS = 300.0
_MAX_LIGHT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQuery:
    """What is asked.

    Attributes:
        text: The query; infos name places in it, so that another text is another query.
        start_ms: Its first step.
        end_ms: Its end.
        step_ms: The distance of its steps.
        lookback_ms: How far an instant selector looks back.
        engine: What else the engine was told that changes answers.
        limits: What the answer may hold.
    """

    text: str
    start_ms: int
    end_ms: int
    step_ms: int
    lookback_ms: int
    engine: str
    limits: Limits

    @property
    def grid(self) -> Grid:
        """The grid of its steps."""
        return grid_of(self.start_ms, self.step_ms)

    @property
    def span(self) -> Span:
        """Its steps."""
        return Span(self.grid.number_at(self.start_ms), self.grid.number_at(self.end_ms))

    @property
    def key(self) -> str:
        """What the keys of its pieces begin with: queries with the same key share their steps' values."""
        said = (LAYOUT, self.engine, self.lookback_ms, self.step_ms, self.grid.phase_ms, self.text)
        digest = hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16)
        return f"query:{digest.hexdigest()}"


class ResultCache:
    """Answers range queries; one object of a process serves all its threads."""

    def __init__(self) -> None:
        self._pieces = PieceStore()
        # Queries, and how long they were, with the time until which they count as light.
        self._light_until: dict[tuple[str, int], float] = {}

    def answer(self, query: RangeQuery, evaluate: Evaluate) -> QueryResult:
        """Return the result of the query; raises what `evaluate` raises, and when it is too large."""
        settled = self._settled(query)
        reach = None
        if settled is not None and not self._is_light(query):
            reach = reach_ms(query.text, step_ms=query.step_ms, lookback_ms=query.lookback_ms)
        if settled is None or reach is None:
            return _counted("bypass", evaluate(query.start_ms, query.end_ms))
        keys = [_key(query, number) for number in settled.piece_numbers]
        found = self._pieces.get(keys)
        if found is None:
            return _counted("away", evaluate(query.start_ms, query.end_ms))
        kept = _leading(list(map(decode, found)), query.span)
        moment = amendments.moment([_stretch(piece, query.grid, reach) for piece in kept])
        kept = _holding(kept, moment)
        if not kept:
            return self._evaluate_all(query, settled, moment, evaluate)
        return self._complete(query, settled, moment, kept, evaluate)

    def _settled(self, query: RangeQuery) -> Span | None:
        """Return those of the steps whose values may be kept; None when they are not worth it, or must not."""
        if (
            not settings.QUERY_CACHE or connection.in_atomic_block
        ):  # which may see what others do not
            return None
        span = query.span
        if span.count > query.limits.max_points_per_series:  # is refused
            return None
        if query.grid.phase_ms % _ROUND_MS:
            return None
        last = query.grid.number_at(int(time.time() * 1000) - SETTLED_MS)
        settled = span.within(Span(span.first, last))
        return settled if settled.count >= _MIN_STEPS else None

    def _evaluate_all(
        self, query: RangeQuery, settled: Span, moment: Moment, evaluate: Evaluate
    ) -> QueryResult:
        result = evaluate(query.start_ms, query.end_ms)
        if result.samples_read < settings.QUERY_CACHE_MIN_SAMPLES:
            self._note_light(query)
            return _counted("bypass", result)
        self._keep(query, settled, moment, result)
        return _counted("miss", result)

    def _complete(
        self,
        query: RangeQuery,
        settled: Span,
        moment: Moment,
        kept: Sequence[Piece],
        evaluate: Evaluate,
    ) -> QueryResult:
        """Return what is kept with what follows."""
        grid, next_step = query.grid, kept[-1].last + 1
        reused = matrices.join([piece.matrix(grid) for piece in kept])
        reused = matrices.cut(reused, query.start_ms, query.end_ms)
        infos = [info for piece in kept for info in piece.infos]
        rest = QueryResult(value=matrices.EMPTY)
        if next_step <= query.span.last:
            rest = evaluate(grid.time_of(next_step), query.end_ms)
        whole = matrices.join([reused, _matrix(rest)])
        if len(whole.values) > query.limits.max_samples:
            raise TooManySamplesError(query.limits.max_samples)
        if next_step <= settled.last:
            self._keep(query, Span(next_step, settled.last), moment, rest, growing=kept[-1])
        result = replace(rest, value=whole, infos=_each_once(*infos, *rest.infos))
        return _counted("partial" if next_step <= query.span.last else "hit", result)

    def _keep(
        self,
        query: RangeQuery,
        steps: Span,
        moment: Moment,
        result: QueryResult,
        *,
        growing: Piece | None = None,
    ) -> None:
        """Keep these steps of a result.

        Args:
            query: The query.
            steps: Steps that are settled.
            moment: How things stood before they were evaluated.
            result: Has them, and others.
            growing: The piece that ends before them; it held at that moment.
        """
        if result.warnings or (result.infos and infos_have_details(query.text)):
            return
        grid = query.grid
        pieces: dict[str, bytes] = {}
        for number in steps.piece_numbers:
            span, infos = steps.within(span_of_piece(number)), result.infos
            is_complete = span.last == span_of_piece(number).last
            if growing is not None and span.count < _MIN_GAIN and not is_complete:
                continue
            part = matrices.cut(_matrix(result), grid.time_of(span.first), grid.time_of(span.last))
            if growing is not None and growing.last in span_of_piece(number):
                part = matrices.join([growing.matrix(grid), part])
                span = Span(growing.first, span.last)
                infos = _each_once(*growing.infos, *infos)
            piece = make_piece(
                part, span, grid, store=moment.store, as_of=moment.as_of, infos=infos
            )
            pieces[_key(query, number)] = encode(piece)
        if pieces:
            self._pieces.put(pieces)

    def _is_light(self, query: RangeQuery) -> bool:
        return self._light_until.get(_weight_key(query), 0.0) > time.monotonic()

    def _note_light(self, query: RangeQuery) -> None:
        if len(self._light_until) >= _MAX_LIGHT:
            self._light_until.clear()
        self._light_until[_weight_key(query)] = time.monotonic() + _LIGHT_SECONDS


def _weight_key(query: RangeQuery) -> tuple[str, int]:
    # A query over twice the time may be heavy.
    return query.key, query.span.count.bit_length()


def _key(query: RangeQuery, number: int) -> str:
    return f"{query.key}:{number}"


def _leading(found: Sequence[Piece | None], wanted: Span) -> list[Piece]:
    """Return the pieces that hold the first of the wanted steps and those that follow, without a gap."""
    leading: list[Piece] = []
    next_step = wanted.first
    for piece in found:
        if piece is None or next_step not in piece.span:
            break
        leading.append(piece)
        next_step = piece.last + 1
    return leading


def _holding(pieces: Sequence[Piece], moment: Moment) -> list[Piece]:
    """Return the pieces before the first whose samples may have changed, or are of another store."""
    return [
        piece
        for piece, _ in takewhile(
            lambda judged: judged[1] and judged[0].store == moment.store,
            zip(pieces, moment.holds, strict=True),
        )
    ]


def _stretch(piece: Piece, grid: Grid, reach: int) -> Stretch:
    return Stretch(
        start_ms=grid.time_of(piece.first) - reach,
        end_ms=grid.time_of(piece.last),
        as_of=piece.as_of,
    )


def _matrix(result: QueryResult) -> Matrix:
    if not isinstance(result.value, Matrix):
        raise TypeError("a range query gives a matrix")
    return result.value


def _each_once(*sentences: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def _counted(outcome: str, result: QueryResult) -> QueryResult:
    QUERY_CACHE_LOOKUPS.labels(outcome=outcome).inc()
    return result
