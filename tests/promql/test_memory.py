from observability.promql import MemoryStorage, SelectHints
from observability.promql.matchers import Matcher, MatchOp

ALL = (Matcher("__name__", MatchOp.EQUAL, "x"),)


def test_series_come_in_blocks_of_a_bounded_number() -> None:
    storage = MemoryStorage(series_per_block=2)
    for i in range(5):
        storage.add({"__name__": "x", "i": str(i)}, [(0, float(i))])

    blocks = list(storage.select(ALL, SelectHints(start_ms=0, end_ms=9)))

    assert [len(block.label_sets) for block in blocks] == [2, 2, 1]
    assert [value for block in blocks for value in block.values.tolist()] == [0, 1, 2, 3, 4]


def test_samples_are_sorted_and_the_last_of_one_time_wins() -> None:
    storage = MemoryStorage()
    storage.add({"__name__": "x"}, [(20, 2.0), (10, 1.0)])
    storage.add({"__name__": "x"}, [(15, 1.5), (20, 9.0)])

    (block,) = storage.select(ALL, SelectHints(start_ms=0, end_ms=99))

    assert block.timestamps_ms.tolist() == [10, 15, 20]
    assert block.values.tolist() == [1, 1.5, 9]


def test_only_samples_inside_the_hints_are_given() -> None:
    storage = MemoryStorage()
    storage.add({"__name__": "x"}, [(time, 0.0) for time in range(10)])

    (block,) = storage.select(ALL, SelectHints(start_ms=3, end_ms=5))

    assert block.timestamps_ms.tolist() == [3, 4, 5]
