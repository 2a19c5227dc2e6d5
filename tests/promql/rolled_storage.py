"""A storage that gives rollups made sample by sample, in plain Python, of what another one holds."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from observability.promql import MemoryStorage, SelectHints, SeriesBlock
from observability.promql.matchers import Matcher
from observability.promql.storage import RollupBlock, RollupColumn

from .bits import bits_of

STALE_BITS = 0x7FF0000000000002


class RolledStorage:
    """Gives rollups of samples before `raw_from_ms`, and samples as buckets of one from then on."""

    def __init__(
        self,
        samples: MemoryStorage,
        *,
        resolution_ms: int,
        raw_from_ms: int = 2**60,
        is_raw_gone: bool = False,
    ) -> None:
        self._samples = samples
        self._resolution_ms = resolution_ms
        self._raw_from_ms = raw_from_ms
        self._is_raw_gone = is_raw_gone

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        everything = SelectHints(start_ms=-(2**60), end_ms=2**60)
        for block in self._samples.select(matchers, everything):
            yield block if hints.rollup_columns is None else self._rolled(block)

    def _rolled(self, block: SeriesBlock) -> RollupBlock:
        rows = [self._buckets(block, series) for series in range(len(block.label_sets))]
        flat = [row for buckets in rows for row in buckets]
        return RollupBlock(
            label_sets=block.label_sets,
            offsets=np.cumsum([0, *map(len, rows)]),
            ends_ms=np.array([end for end, _ in flat], np.int64),
            counts=np.array([len(_live(samples)) for _, samples in flat], np.int64),
            columns={
                column: np.array(
                    [_fold(column, _live(samples) or samples) for _, samples in flat],
                    np.int64 if column in _WHOLE else np.float64,
                )
                for column in RollupColumn
            },
            rounded_before_ms=self._raw_from_ms if self._is_raw_gone else -(2**60),
            resolution_ms=self._resolution_ms,
        )

    def _buckets(
        self, block: SeriesBlock, series: int
    ) -> list[tuple[int, list[tuple[int, float]]]]:
        part = slice(block.offsets[series], block.offsets[series + 1])
        buckets: list[tuple[int, list[tuple[int, float]]]] = []
        for at_ms, value in zip(
            block.timestamps_ms[part].tolist(), block.values[part].tolist(), strict=True
        ):
            end_ms = -(-at_ms // self._resolution_ms) * self._resolution_ms
            if at_ms >= self._raw_from_ms:
                buckets.append((at_ms, [(at_ms, value)]))
            elif buckets and buckets[-1][0] == end_ms:
                buckets[-1][1].append((at_ms, value))
            else:
                buckets.append((end_ms, [(at_ms, value)]))
        return [
            bucket
            for end_ms, samples in buckets
            for bucket in (
                (end_ms, _live(samples)),
                (end_ms, samples[-1:] if not _live(samples[-1:]) else []),
            )
            if bucket[1]
        ]


_WHOLE = {
    RollupColumn.FIRST_MS,
    RollupColumn.LAST_MS,
    RollupColumn.RESETS,
    RollupColumn.CHANGES,
    RollupColumn.STALE,
}


def _live(samples: list[tuple[int, float]]) -> list[tuple[int, float]]:
    return [sample for sample in samples if bits_of(sample[1]) != STALE_BITS]


def _fold(column: RollupColumn, samples: list[tuple[int, float]]) -> float:
    values = [value for _, value in samples]
    numbers = [value for value in values if not math.isnan(value)] or values
    falls = [old for old, new in pairwise(values) if new < old]
    match column:
        case RollupColumn.SUM:
            return float(np.sum(values))
        case RollupColumn.MIN:
            return min(numbers)
        case RollupColumn.MAX:
            return max(numbers)
        case RollupColumn.FIRST:
            return values[0]
        case RollupColumn.LAST:
            return values[-1]
        case RollupColumn.FIRST_MS:
            return samples[0][0]
        case RollupColumn.LAST_MS:
            return samples[-1][0]
        case RollupColumn.LOST:
            return sum(falls)
        case RollupColumn.RESETS:
            return len(falls)
        case RollupColumn.STALE:
            return 0
        case RollupColumn.CHANGES:
            return sum(
                old != new and not (math.isnan(old) and math.isnan(new))
                for old, new in pairwise(values)
            )
