"""The memory of series stays right and within its bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.ingest.known_series import KnownSeries, find


def remember(known: KnownSeries, keys: dict[bytes, int], realm: int = 0) -> None:
    data = np.frombuffer(b"".join(keys), np.uint8)
    ends = np.cumsum([len(key) for key in keys], dtype=np.int64)
    starts = ends - np.array([len(key) for key in keys], dtype=np.int64)
    known.add(data, realm, starts, ends, np.array(list(keys.values()), np.int64))


def id_of(known: KnownSeries, key: bytes, realm: int = 0) -> int | None:
    data = np.frombuffer(key, np.uint8)
    with known.lock:
        entry, _ = find(known.table, data, realm, 0, len(key))
        return None if entry < 0 else int(known.table.ids[entry])


keys = st.dictionaries(st.binary(max_size=40), st.integers(0, 2**62), min_size=1, max_size=40)


@given(st.lists(keys, min_size=1, max_size=6), st.binary(max_size=40))
def test_each_key_has_the_id_it_was_given_last(
    batches: list[dict[bytes, int]], other: bytes
) -> None:
    known = KnownSeries()
    expected: dict[bytes, int] = {}
    for batch in batches:
        remember(known, batch)
        expected |= batch

    assert {key: id_of(known, key) for key in expected} == expected
    assert id_of(known, other) == expected.get(other)
    assert len(known) == len(expected)


def test_the_memory_grows_and_keeps_what_it_holds() -> None:
    known = KnownSeries()
    keys = {f"series {number}".encode() * 5: number for number in range(20_000)}

    for first in range(0, len(keys), 500):
        remember(known, dict(list(keys.items())[first : first + 500]))

    assert all(id_of(known, key) == number for key, number in keys.items())


def test_a_full_memory_starts_anew_within_its_bound() -> None:
    known = KnownSeries(max_bytes=1_000_000)
    for first in range(0, 50_000, 1000):
        remember(known, {b"%08d" % number * 10: number for number in range(first, first + 1000)})

    assert sum(array.nbytes for array in known.table) <= 1_000_100
    assert id_of(known, b"%08d" % 49_999 * 10) == 49_999
    assert id_of(known, b"%08d" % 0 * 10) is None


def test_what_is_larger_than_the_memory_is_not_remembered() -> None:
    known = KnownSeries(max_bytes=1_000_000)
    remember(known, {b"small": 1})

    remember(known, {b"x" * 2_000_000: 2})

    assert id_of(known, b"x" * 2_000_000) is None


def test_forgetting_leaves_nothing() -> None:
    known = KnownSeries()
    remember(known, {b"a": 1})

    known.forget()

    assert (len(known), id_of(known, b"a")) == (0, None)


def test_equal_labels_with_other_labels_added_are_another_series() -> None:
    known = KnownSeries()
    first, second = known.realm({"system": "a"}), known.realm({"system": "b"})
    remember(known, {b"up": 1}, first)

    remember(known, {b"up": 2}, second)

    assert (id_of(known, b"up", first), id_of(known, b"up", second)) == (1, 2)
    assert known.realm({"system": "a"}) == first
