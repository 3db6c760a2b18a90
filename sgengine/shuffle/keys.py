"""Requests told apart: dense codes for (run, request_id), exact, and a fixed hash of each.

Two requests are the same if run and id are. Codes number them from 0; a coded array and the list of its
distinct keys replace a column of ids, so that everything after this works on int32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.kernels import coding, hashing, text_coding

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.signedinteger[Any]]
Array = TypeVar("Array", bound=npt.NDArray[Any])

_FIRST_SLOTS = 1 << 14
_SLOTS_EACH = 8
"""Slots a code: with four, texts take 1 ns a row longer, for the processor guesses more probes wrong."""

_BLOCK = 1 << 13
"""Rows whose texts are coded and then compared, while they are in the cache."""

_DENSE = 4
"""Whole numbers are counted off without hashing if they span at most this many times their count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coded:
    """``codes`` (N,) int32 into ``keys``: columns run (string) and request_id (int64 or string)."""

    codes: Int32s
    keys: pa.RecordBatch


def coded(ids: pa.Array, runs: pa.Array | str) -> Coded:
    """Codes of the requests of N rows; ``runs`` is one run, or a dictionary-encoded column.

    ``ids``: int64, string, large_string or a dictionary of strings, without nulls.
    """
    codes, distinct = _coded_ids(ids)
    if isinstance(runs, str):
        return Coded(codes=codes, keys=_of_one_run(runs, distinct))
    if len(runs.dictionary) == 1:
        return Coded(codes=codes, keys=_of_one_run(str(runs.dictionary[0]), distinct))
    names = runs.dictionary.cast(pa.string())
    both = runs.indices.to_numpy(zero_copy_only=False).astype(np.int64) * max(len(distinct), 1)
    both += codes
    codes, pairs = code_whole_numbers(both)
    run, id_ = np.divmod(pairs, max(len(distinct), 1))
    return Coded(codes=codes, keys=_keys(names.take(pa.array(run)), distinct.take(pa.array(id_))))


def _of_one_run(run: str, ids: pa.Array) -> pa.RecordBatch:
    return _keys(pa.repeat(pa.scalar(run, pa.string()), len(ids)), ids)


def _keys(runs: pa.Array, ids: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([runs, ids], names=["run", "request_id"])


def _coded_ids(ids: pa.Array) -> tuple[Int32s, pa.Array]:
    """Codes and the distinct ids, all of which occur."""
    if isinstance(ids, pa.DictionaryArray):
        return _of_dictionary(ids)
    if pa.types.is_integer(ids.type):
        codes, keys = code_whole_numbers(ids.to_numpy(zero_copy_only=False))
        return codes, pa.array(keys)
    return code_strings(ids)


def _of_dictionary(ids: pa.DictionaryArray) -> tuple[Int32s, pa.Array]:
    """A dictionary may hold values twice, or values of no row."""
    of_value, distinct = _coded_ids(ids.dictionary)
    indices = ids.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    has_repeats = len(distinct) < len(ids.dictionary)
    codes = of_value[indices] if has_repeats else indices
    occurs = np.zeros(len(distinct), dtype=np.bool_)
    occurs[codes] = True
    if occurs.all():
        return codes, distinct
    renumbered = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    return renumbered[codes], distinct.filter(pa.array(occurs))


def code_whole_numbers(values: Int64s) -> tuple[Int32s, Int64s]:
    """Codes of int64 values (N,), and the distinct values."""
    out = np.empty(values.size, dtype=np.int32)
    if values.size == 0:
        return out, np.empty(0, dtype=np.int64)
    values = _frozen(values)
    low, high = coding.bounds(values)
    if high - low < _DENSE * values.size:
        ranks = np.zeros(high - low + 1, dtype=np.int32)
        keys = np.empty(min(high - low + 1, values.size), dtype=np.int64)
        known = coding.code_dense(values, low, ranks, keys, out)
        return out, keys[:known].copy()
    table = _Table()
    keys = np.empty(table.room, dtype=np.int64)
    at = known = 0
    while at < values.size:
        at, known = coding.code_int64s(values, at, known, table.slots, keys, table.hashes, out)
        if at < values.size:
            table.grow(known)
            keys = _longer(keys, table.room)
    return out, keys[:known].copy()


def code_strings(texts: pa.Array) -> tuple[Int32s, pa.Array]:
    """Codes of string or large_string values, and the distinct values."""
    out = np.empty(len(texts), dtype=np.int32)
    offsets, data = text_buffers(texts)
    known = _KnownTexts()
    for start in range(0, len(texts), _BLOCK):
        block = slice(start, start + _BLOCK)
        known.code(data, offsets[start : start + _BLOCK + 1], out[block])
    return out, known.texts()


class _KnownTexts:
    """A table of texts that grows, told by hashes of their ends until those of two are the same."""

    def __init__(self) -> None:
        self._table = _Table()
        self._data = np.empty(self._table.room * 16, dtype=np.uint8)
        self._offsets = np.zeros(self._table.room + 1, dtype=np.int64)
        self._known = 0
        self._is_by_ends = True

    def code(self, data: UInt8s, offsets: Offsets, out: Int32s) -> None:
        """Codes of one block into ``out``."""
        at = 0
        if self._is_by_ends:
            self._fill(text_coding.code_ends, (data, offsets), at, out)
            at = text_coding.first_unlike(data, offsets, out, self._data, self._offsets)
            if at == out.size:
                return
            self._use_whole_texts()
        self._code_whole(data, offsets, at, out)

    def _use_whole_texts(self) -> None:
        """Tell texts by hashes of the whole from now on, those too that are known."""
        self._is_by_ends = False
        offsets, data = text_buffers(self.texts())
        hashing.hash_texts(data, offsets, self._table.hashes[: self._known])
        self._table.refill(self._known)

    def _code_whole(self, data: UInt8s, offsets: Offsets, at: int, out: Int32s) -> None:
        """Codes from row ``at`` on by hashes of the whole, and where two are alike by the texts."""
        hashes = np.empty(out.size, dtype=np.uint64)
        hashing.hash_texts(data, offsets, hashes)
        self._fill(text_coding.code_hashes, (data, offsets, hashes), at, out)
        at = text_coding.first_unlike(data, offsets, out, self._data, self._offsets)
        self._fill(text_coding.code_texts, (data, offsets, hashes), at, out)

    def _fill(
        self,
        code: Callable[..., tuple[int, int]],
        given: tuple[Any, ...],
        at: int,
        out: Int32s,
    ) -> None:
        """Codes from row ``at`` on, by a kernel that stops where there is no room for another key."""
        offsets = given[1]
        while at < out.size:
            at, self._known = code(
                *given,
                at,
                self._known,
                self._table.slots,
                self._data,
                self._offsets,
                self._table.hashes,
                out,
            )
            if at < out.size:
                self._grow(int(offsets[at + 1] - offsets[at]))

    def _grow(self, size: int) -> None:
        """Make room for another key of ``size`` bytes."""
        if self._known == self._table.room:
            self._table.grow(self._known)
            self._offsets = _longer(self._offsets, self._table.room + 1)
        needed = int(self._offsets[self._known]) + size
        if 2 * needed > self._data.size:
            self._data = _longer(self._data, 4 * needed)

    def texts(self) -> pa.Array:
        """The distinct values."""
        return _strings(self._data, self._offsets[: self._known + 1])


def _strings(data: UInt8s, offsets: Int64s) -> pa.Array:
    """A string column of its own buffers, large_string beyond 2 GiB."""
    size = int(offsets[-1])
    is_large = size >= 2**31
    kind = pa.large_string() if is_large else pa.string()
    places = offsets.copy() if is_large else offsets.astype(np.int32)
    buffers = [None, pa.py_buffer(places), pa.py_buffer(data[:size].copy())]
    return pa.Array.from_buffers(kind, offsets.size - 1, buffers)


def text_buffers(texts: pa.Array) -> tuple[Offsets, UInt8s]:
    """Offsets (N + 1,) and the bytes of a string or large_string column, sliced or not."""
    width: Any = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, places, bytes_ = texts.buffers()
    if len(texts) == 0:
        return _frozen(np.zeros(1, dtype=width)), _frozen(np.zeros(0, dtype=np.uint8))
    offsets = np.frombuffer(places, dtype=width)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(bytes_, dtype=np.uint8) if bytes_ else np.zeros(0, dtype=np.uint8)
    return _frozen(offsets), _frozen(data)


def _frozen(values: Array) -> Array:
    """A view that cannot be written to: kernels are compiled for those alone."""
    view = values.view()
    view.flags.writeable = False
    return view


def _longer(values: Array, size: int) -> Array:
    """A copy with room for ``size``."""
    made = np.empty(size, dtype=values.dtype)
    made[: values.size] = values
    return cast("Array", made)


class _Table:
    """Slots of a hash table that grows fourfold, and the hashes of what is in it."""

    def __init__(self) -> None:
        self.slots = np.full(_FIRST_SLOTS, -1, dtype=np.int64)
        self.hashes = np.empty(self.room, dtype=np.uint64)

    @property
    def room(self) -> int:
        """How many codes it takes before it must grow."""
        return self.slots.size // _SLOTS_EACH

    def grow(self, known: int) -> None:
        """Make room for four times as many codes."""
        self.slots = np.empty(4 * self.slots.size, dtype=np.int64)
        self.hashes = _longer(self.hashes, self.room)
        self.refill(known)

    def refill(self, known: int) -> None:
        """Fill the slots anew with the codes known."""
        coding.refill(self.hashes[:known], self.slots)


def hashes_of(keys: pa.RecordBatch) -> UInt64s:
    """The fixed 64-bit hash of each (run, request_id): of the id, mixed with the run's."""
    mixed = np.bitwise_xor(
        _hashed(keys.column("request_id")), np.uint64(3) * _hashed(keys.column("run"))
    )
    out = np.empty(keys.num_rows, dtype=np.uint64)
    hashing.hash_int64s(mixed.view(np.int64), out)
    return out


def _hashed(values: pa.Array) -> UInt64s:
    out = np.empty(len(values), dtype=np.uint64)
    if pa.types.is_integer(values.type):
        hashing.hash_int64s(values.to_numpy(zero_copy_only=False), out)
    else:
        offsets, data = text_buffers(values)
        hashing.hash_texts(data, offsets, out)
    return out


def buckets_of(keys: pa.RecordBatch, buckets: int) -> Int32s:
    """The bucket of each key, 0 to ``buckets`` - 1."""
    upper = hashes_of(keys) >> np.uint64(32)
    return ((upper * np.uint64(buckets)) >> np.uint64(32)).astype(np.int32)
