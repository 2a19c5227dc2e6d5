from hypothesis import given
from hypothesis import strategies as st

from observability.promql import MemoryStorage, SelectHints
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.storage import split


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(1, 4))
def test_the_parts_of_a_block_are_the_block(lengths: list[int], series_count: int) -> None:
    storage = MemoryStorage()
    for i, length in enumerate(lengths):
        storage.add({"__name__": "x", "i": str(i)}, [(time, float(i)) for time in range(length)])
    everything = (Matcher("__name__", MatchOp.EQUAL, "x"),)
    (block,) = storage.select(everything, SelectHints(start_ms=0, end_ms=9))

    parts = list(split(block, series_count))

    assert [labels for part in parts for labels in part.label_sets] == list(block.label_sets)
    assert [v for part in parts for v in part.values.tolist()] == block.values.tolist()
    assert all(part.offsets[0] == 0 and part.offsets[-1] == len(part.values) for part in parts)
