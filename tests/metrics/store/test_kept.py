"""What a process keeps at hand, bounded by its size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.store.kept import Kept


def test_the_longest_unused_gives_way() -> None:
    kept: Kept[str, bytes] = Kept(3, len)
    kept.keep({"a": b"1", "b": b"2", "c": b"3"})

    used = kept.get("a")
    kept.keep({"d": b"4"})

    assert used == b"1"
    assert kept.get_all("abcd") == {"a": b"1", "c": b"3", "d": b"4"}


def test_what_is_too_large_alone_drives_nothing_out() -> None:
    kept: Kept[str, bytes] = Kept(3, len)
    kept.keep({"a": b"1", "b": b"22"})

    kept.keep({"large": b"4444"})

    assert kept.get_all(["a", "b", "large"]) == {"a": b"1", "b": b"22"}


def test_nothing_is_left_after_it_was_cleared() -> None:
    kept: Kept[str, bytes] = Kept(3, len)
    kept.keep({"a": b"111"})

    kept.clear()
    kept.keep({"b": b"222"})

    assert kept.get("a") is None
    assert kept.get("b") == b"222"


@given(st.lists(st.dictionaries(st.integers(0, 5), st.binary(max_size=6)), max_size=20))
def test_it_never_holds_more_than_it_may_nor_anything_old(news: list[dict[int, bytes]]) -> None:
    kept: Kept[int, bytes] = Kept(10, len)
    newest: dict[int, bytes] = {}

    for values in news:
        kept.keep(values)
        newest |= values

        found = kept.get_all(range(6))
        assert sum(map(len, found.values())) <= 10
        assert all(newest[key] == value for key, value in found.items())
