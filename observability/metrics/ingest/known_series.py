"""The series that this process has seen, found by the bytes in which a sender encodes their labels.

An open-addressing table in NumPy arrays, so that compiled code can look series up without
making a Python object of any. It compares the bytes themselves: a hash alone would let one sender
write into the series of another.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

# What the table may hold in bytes, all arrays together: about 250,000 series of usual size.
MAX_BYTES = 64 * 1024 * 1024
_FIRST_ENTRIES = 1024
_FIRST_BYTES = 128 * 1024
_ENTRY_BYTES = 8 + 8 + 8 + 4 + 4 + 2 * 4

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


def _load_word(typing_context: Any, data: Any, at: Any) -> Any:
    """Return the eight bytes from `at` as one number (compiled code; the caller checks the bounds).

    Numba itself reads them one by one, which makes the whole walk 2.4 times slower.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


load_word: Any = intrinsic(_load_word)


class Table(NamedTuple):
    """The arrays of the table.

    Attributes:
        slots: int32, a power of two of them: the place of an entry plus one, 0 for none.
        hashes: uint64 for each entry.
        starts: int64, where the entry's label bytes begin in `arena`.
        lengths: int32, how many they are.
        realms: int32, which labels are added to them (`KnownSeries.realm`).
        ids: int64, the series.
        arena: The label bytes of all entries.
        used: int64: how many entries there are, how many bytes of `arena` are taken.
        seed: uint64, secret, so that nobody can choose labels that all fall into one slot.
    """

    slots: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    starts: Ints
    lengths: NDArray[np.int32]
    realms: NDArray[np.int32]
    ids: Ints
    arena: Bytes
    used: Ints
    seed: NDArray[np.uint64]


class KnownSeries:
    """A bounded memory of series; when it is full it starts anew.

    Its `lock` is held by whoever reads or changes `table`.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self.lock = threading.Lock()
        self._max_bytes = max_bytes
        self._realms: dict[frozenset[tuple[str, str]], int] = {}
        self.table = _new_table(_FIRST_ENTRIES, _FIRST_BYTES)

    def __len__(self) -> int:
        return int(self.table.used[0])

    def forget(self) -> None:
        """Empty the memory."""
        with self.lock:
            self.table = _new_table(_FIRST_ENTRIES, _FIRST_BYTES)

    def realm(self, added_labels: Mapping[str, str]) -> int:
        """Return the number of a set of labels that is added to a sender's own."""
        # Never forgotten nor given out twice, so that no entry can change its meaning.
        return self._realms.setdefault(frozenset(added_labels.items()), len(self._realms))

    def add(
        self,
        data: Bytes,
        realm: int,
        starts: Ints,
        ends: Ints,
        ids: Ints,
        *,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        """Remember series whose labels stand in `data` from each start to each end.

        `is_current` is asked when nothing can be forgotten any more before they are there.
        """
        with self.lock:
            if is_current() and self._make_room(len(ids), int((ends - starts).sum())):
                _add(self.table, data, realm, starts, ends, ids)

    def grow(self) -> None:
        """Take twice the memory; what is held stays."""
        with self.lock:
            self._make_room(2 * len(self.table.ids), 0)

    def _make_room(self, entries: int, size: int) -> bool:
        """Make the arrays large enough for more entries; False when they would be too many."""
        table = self.table
        held, taken = int(table.used[0]), int(table.used[1])
        if held + entries <= len(table.ids) and taken + size <= len(table.arena):
            return True
        if not self._fits(held + entries, taken + size):
            held = taken = 0
            if not self._fits(entries, size):
                return False
        larger = _new_table(_power_of_two(held + entries), _power_of_two(taken + size))
        if held:
            _copy(table, larger)
        self.table = larger
        return True

    def _fits(self, entries: int, size: int) -> bool:
        return _power_of_two(entries) * _ENTRY_BYTES + _power_of_two(size) <= self._max_bytes


def _power_of_two(number: int) -> int:
    return 1 << max(number - 1, 1).bit_length()


def _new_table(entries: int, size: int) -> Table:
    return Table(
        slots=np.zeros(2 * entries, np.int32),
        hashes=np.zeros(entries, np.uint64),
        starts=np.zeros(entries, np.int64),
        lengths=np.zeros(entries, np.int32),
        realms=np.zeros(entries, np.int32),
        ids=np.zeros(entries, np.int64),
        arena=np.zeros(size, np.uint8),
        used=np.zeros(2, np.int64),
        seed=np.array([secrets.randbits(64)], np.uint64),
    )


@njit(nogil=True, cache=True)
def find(table: Table, data: Bytes, realm: int, start: int, end: int) -> Any:
    """Return the place of an entry, or -1, and the hash of its labels (compiled code)."""
    code = _hash(data, start, end, table.seed[0] ^ np.uint64(realm))
    mask = len(table.slots) - 1
    slot = np.int64(code & np.uint64(mask))
    while table.slots[slot] != 0:
        entry = table.slots[slot] - 1
        if (
            table.hashes[entry] == code
            and table.lengths[entry] == end - start
            and table.realms[entry] == realm
        ):
            held = table.starts[entry]
            if _equal(data, start, end, table.arena, held):
                return entry, code
        slot = (slot + 1) & mask
    return -1, code


@njit(nogil=True, cache=True)
def _equal(data: Bytes, start: int, end: int, arena: Bytes, held: int) -> bool:
    size = end - start
    at = 0
    while at + 8 <= size:
        if load_word(data, start + at) != load_word(arena, held + at):
            return False
        at += 8
    while at < size:
        if data[start + at] != arena[held + at]:
            return False
        at += 1
    return True


@njit(nogil=True, cache=True)
def _add(table: Table, data: Bytes, realm: int, starts: Ints, ends: Ints, ids: Ints) -> None:
    for number in range(len(ids)):
        start, end = starts[number], ends[number]
        entry, code = find(table, data, realm, start, end)
        if entry >= 0:
            table.ids[entry] = ids[number]
            continue
        entry = table.used[0]
        at = table.used[1]
        table.arena[at : at + end - start] = data[start:end]
        table.hashes[entry] = code
        table.starts[entry] = at
        table.lengths[entry] = end - start
        table.realms[entry] = realm
        table.ids[entry] = ids[number]
        table.used[0] += 1
        table.used[1] += end - start
        _take_slot(table, code, entry)


@njit(nogil=True, cache=True)
def _copy(table: Table, larger: Table) -> None:
    """Move all entries into an empty table that has room for them."""
    count = table.used[0]
    larger.seed[0] = table.seed[0]
    larger.used[:] = table.used
    larger.hashes[:count] = table.hashes[:count]
    larger.starts[:count] = table.starts[:count]
    larger.lengths[:count] = table.lengths[:count]
    larger.realms[:count] = table.realms[:count]
    larger.ids[:count] = table.ids[:count]
    larger.arena[: table.used[1]] = table.arena[: table.used[1]]
    for entry in range(count):
        _take_slot(larger, larger.hashes[entry], entry)


@njit(nogil=True, cache=True)
def _take_slot(table: Table, code: int, entry: int) -> None:
    mask = len(table.slots) - 1
    slot = np.int64(code & np.uint64(mask))
    while table.slots[slot] != 0:
        slot = (slot + 1) & mask
    table.slots[slot] = entry + 1


@njit(nogil=True, cache=True)
def _hash(data: Bytes, start: int, end: int, seed: int) -> Any:
    """Return a 64-bit hash that depends on every byte, on their number and on the seed."""
    code = seed ^ (np.uint64(end - start) * np.uint64(0x9E3779B97F4A7C15))
    at = start
    while at + 8 <= end:
        word = load_word(data, at)
        code = (code ^ word) * np.uint64(0xD6E8FEB86659FD93)
        code ^= code >> np.uint64(32)
        at += 8
    while at < end:
        code = (code ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
        code ^= code >> np.uint64(32)
        at += 1
    code *= np.uint64(0x9E3779B97F4A7C15)
    return code ^ (code >> np.uint64(29))
