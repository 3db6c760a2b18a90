"""Grouping by counting, and the order of each request's chunks, against plain sorting."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import grouping

Chunk = tuple[int, int, int]
"""Time, seq, tokens."""

small = st.integers(-3, 3)
chunks = st.tuples(small, small | st.just(grouping.NO_TIME), st.integers(0, 3))
requests = st.lists(st.lists(chunks, max_size=40), max_size=5)


def offsets_of(rows: Sequence[Sequence[Any]]) -> np.ndarray[Any, Any]:
    return np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)


def flat(rows: Sequence[Sequence[Chunk]], place: int, kind: type[np.generic]) -> Any:
    return np.array([chunk[place] for row in rows for chunk in row], dtype=kind)


def cut(offsets: Any, *columns: Any) -> list[list[Any]]:
    """Chunks of each request, as tuples of the columns."""
    whole = list(zip(*(column.tolist() for column in columns), strict=True))
    return [whole[a:b] for a, b in pairwise(offsets)]


def mixed(row: Sequence[Chunk]) -> bool:
    return any(b[0] <= a[0] for a, b in pairwise(row))


def sorted_by_kernel(
    rows: Sequence[Sequence[Chunk]], *, sizes: bool = True, seqs: bool = True
) -> tuple[Any, Any, Any, Any]:
    offsets = offsets_of(rows)
    t, q, s = flat(rows, 0, np.int64), flat(rows, 1, np.int64), flat(rows, 2, np.int32)
    q, s = q if seqs else q[:0], s if sizes else s[:0]
    longest = max((len(row) for row in rows), default=0)
    spare = np.empty(longest, np.int64), np.empty(longest, np.int32), np.empty(longest, np.int64)
    is_mixed = np.array([mixed(row) for row in rows], dtype=np.uint8)
    grouping.sort_chunks(
        offsets, is_mixed, t, s, q, spare[0], spare[1] if sizes else s, spare[2] if seqs else q
    )
    return offsets, t, q, s


@given(requests)
def test_chunks_are_in_order_of_time_seq_and_falling_tokens(rows: list[list[Chunk]]) -> None:
    found = cut(*sorted_by_kernel(rows))
    assert found == [sorted(row, key=lambda c: (c[0], c[1], -c[2])) for row in rows]


@given(requests)
def test_chunks_without_seq_or_tokens_are_in_order_too(rows: list[list[Chunk]]) -> None:
    offsets, t, _, s = sorted_by_kernel(rows, seqs=False)
    pairs = [[(c[0], c[2]) for c in row] for row in rows]
    assert cut(offsets, t, s) == [sorted(row, key=lambda c: (c[0], -c[1])) for row in pairs]
    offsets, t, _, _ = sorted_by_kernel(rows, seqs=False, sizes=False)
    assert cut(offsets, t) == [sorted((c[0],) for c in row) for row in rows]


@pytest.mark.parametrize("disorder", [0, 3, 100, 10_000])
def test_long_requests_in_any_disorder(disorder: int) -> None:
    rng = np.random.default_rng(1)
    times = np.arange(5000) + rng.integers(0, disorder + 1, 5000)
    row = [(int(t), k, 1) for k, t in enumerate(times)]
    (found,) = cut(*sorted_by_kernel([row]))
    assert found == sorted(row)


@given(requests)
def test_repeats_of_numbered_chunks_are_dropped(rows: list[list[Chunk]]) -> None:
    offsets, t, q, s = sorted_by_kernel(rows)
    kept = np.empty(len(rows), dtype=np.int64)
    grouping.drop_repeats(offsets, t, s, q, kept)
    moved = np.empty_like(offsets)
    grouping.close_up(offsets, kept, t, s, moved)
    expected = [without_repeats(row) for row in rows]
    assert cut(moved, t[: moved[-1]], s[: moved[-1]]) == [
        [(c[0], c[2]) for c in row] for row in expected
    ]


def without_repeats(row: list[Chunk]) -> list[Chunk]:
    ordered = groupby(sorted(row, key=lambda c: (c[0], c[1], -c[2])))
    return [
        chunk
        for chunk, same in ordered
        for chunk in (list(same) if chunk[1] == grouping.NO_TIME else [chunk])
    ]


@given(requests, st.integers(-5, 5) | st.just(grouping.NO_TIME))
def test_chunks_after_the_end_are_counted(rows: list[list[Chunk]], end: int) -> None:
    offsets, t, _, _ = sorted_by_kernel(rows)
    late = np.empty(len(rows), dtype=np.int64)
    grouping.count_late(offsets, np.full(len(rows), end), t, late)
    is_late = (lambda time: False) if end == grouping.NO_TIME else (lambda time: time > end)
    assert late.tolist() == [sum(is_late(c[0]) for c in row) for row in rows]


events = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), small, small), max_size=40)


@given(events, st.permutations([0, 1, -1, 2, 3]), st.booleans(), st.booleans())
def test_chunks_go_to_their_requests_in_the_order_read(
    rows: list[tuple[int, int, int, int]], lookup: list[int], has_sizes: bool, has_seqs: bool
) -> None:
    codes = np.array([row[0] for row in rows], dtype=np.int32)
    kinds = np.array([row[1] for row in rows], dtype=np.uint8)
    times = np.array([row[2] for row in rows], dtype=np.int64)
    sizes = np.array([row[3] for row in rows if has_sizes], dtype=np.int32)
    seqs = np.array([row[3] for row in rows if has_seqs], dtype=np.int64)
    numbers = np.array(lookup, dtype=np.int32)
    counts = np.zeros(4, dtype=np.int64)
    grouping.count_chunks(codes, numbers, kinds, counts)
    chosen = [
        [(t, s) for code, kind, t, s in rows if kind == grouping.CHUNK and lookup[code] == r]
        for r in range(4)
    ]
    assert counts.tolist() == [len(row) for row in chosen]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    out = [np.empty(offsets[-1], kind) for kind in (np.int64, np.int32, np.int64)]
    arrivals, places, size = np.arange(4) * 100, offsets[:-1].copy(), 7
    lasts, is_mixed = np.full(4, grouping.NO_TIME), np.zeros(4, dtype=np.uint8)
    state = arrivals, places, lasts, is_mixed, size
    grouping.place_chunks(codes, numbers, kinds, times, sizes, seqs, *state, *out)
    expected = [
        [
            (t - 100 * r, s if has_sizes else size, s if has_seqs else grouping.NO_TIME)
            for t, s in row
        ]
        for r, row in enumerate(chosen)
    ]
    assert cut(offsets, *out) == expected
    assert places.tolist() == offsets[1:].tolist()
    assert lasts.tolist() == [row[-1][0] if row else grouping.NO_TIME for row in chosen]
    assert is_mixed.tolist() == [mixed([(t, 0, s) for t, s in row]) for row in chosen]


@given(events, st.booleans())
def test_chunks_without_kinds_or_other_columns(
    rows: list[tuple[int, int, int, int]], has_others: bool
) -> None:
    """All rows are chunks, and sizes and seqs are not wanted, whether this part has them or not."""
    codes = np.array([row[0] for row in rows], dtype=np.int32)
    times = np.array([row[2] for row in rows], dtype=np.int64)
    kinds, counts = np.empty(0, dtype=np.uint8), np.zeros(5, dtype=np.int64)
    numbers, none = np.arange(5, dtype=np.int32), np.empty(0, dtype=np.int64)
    few = np.empty(0, dtype=np.int32)
    grouping.count_chunks(codes, numbers, kinds, counts)
    offsets, out = np.concatenate([[0], np.cumsum(counts)]), np.empty(codes.size, dtype=np.int64)
    state = np.zeros(5, np.int64), offsets[:-1].copy(), np.full(5, grouping.NO_TIME)
    given = (codes if has_others else few, times if has_others else none)
    is_mixed = np.zeros(5, np.uint8)
    grouping.place_chunks(codes, numbers, kinds, times, *given, *state, is_mixed, 1, out, few, none)
    assert cut(offsets, out) == [[(row[2],) for row in rows if row[0] == r] for r in range(5)]


@given(st.lists(st.integers(0, 5), max_size=40))
def test_rows_in_order_of_their_codes(values: list[int]) -> None:
    codes = np.array(values, dtype=np.int32)
    counts = np.zeros(6, dtype=np.int64)
    grouping.count_codes(codes, counts)
    assert counts.tolist() == [values.count(code) for code in range(6)]
    out = np.empty(codes.size, dtype=np.int64)
    grouping.order_by_code(codes, np.cumsum(counts) - counts, out)
    assert out.tolist() == sorted(range(len(values)), key=lambda k: values[k])


@given(st.lists(st.integers(0, 3), max_size=20))
def test_codes_are_looked_up(values: list[int]) -> None:
    table = np.array([7, 0, 255, 1], dtype=np.uint8)
    codes, out = np.array(values, dtype=np.int32), np.empty(len(values), dtype=np.uint8)
    grouping.look_up(codes, table, out)
    assert out.tolist() == [int(table[value]) for value in values]
    packed = np.empty(len(values), dtype=np.uint8)
    grouping.look_up_packed(codes, int(table.view("<u4")[0]), packed)
    assert packed.tolist() == out.tolist()


@given(requests)
def test_chunks_without_a_size_are_counted(rows: list[list[Chunk]]) -> None:
    sizes = flat(rows, 2, np.int32)
    sizes[sizes == 3] = grouping.NO_SIZE
    out = np.empty(len(rows), dtype=np.int64)
    grouping.count_unsized(offsets_of(rows), sizes, out)
    assert out.tolist() == [sum(c[2] == 3 for c in row) for row in rows]
