"""Which values a row's kind leaves undefined, beside a table of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import scan
from sgengine.kernels.undefined import mark_undefined
from tests.kernels.arrays import ints, offsets_of

NAMES = ("ttft", "last_token", "last_chunk", "itl_max", "idle", "idle_min", "late")
DEFINED = {
    scan.EMPTY: {"n_chunks"},
    scan.ONE_EACH: {"n_chunks", "ttft", "last_token", "last_chunk", "itl_max", "idle", "late"},
    scan.SIZED: {"n_chunks", "ttft", "last_token", "last_chunk", "itl_max", "idle", "late"},
    scan.UNKNOWN_SIZES: {
        *("n_chunks", "ttft", "last_token", "last_chunk", "itl_max", "idle_min", "idle_max")
    },
    scan.NO_CHUNKS: set(),
}
"""METRICS 1 and 2: what a row of each kind has; ``itl_max`` with two chunks or more."""

ROWS = st.lists(
    st.tuples(
        st.sampled_from(sorted(DEFINED)),
        st.integers(0, 3),
        st.lists(st.integers(0, 99), min_size=len(NAMES), max_size=len(NAMES)),
    ),
    max_size=8,
)


@given(ROWS)
def test_undefined_values_become_minus_one(rows: list[tuple[int, int, list[int]]]) -> None:
    found = {
        name: np.array([values[i] for _, _, values in rows], dtype=np.int64)
        for i, name in enumerate(NAMES)
    }
    chunks, upper = np.empty((2, len(rows)), dtype=np.int64)
    kinds = ints([kind for kind, _, _ in rows], np.uint8)
    offsets = offsets_of([size for _, size, _ in rows])
    mark_undefined(kinds, offsets, *found.values(), chunks, upper)
    found |= {"n_chunks": chunks, "idle_max": upper}
    for r, (kind, size, values) in enumerate(rows):
        given_values = dict(zip(NAMES, values, strict=True))
        given_values |= {"n_chunks": size, "idle_max": given_values["idle"]}
        defined = DEFINED[kind] - ({"itl_max"} if size < 2 else set())
        for name, column in found.items():
            assert column[r] == (given_values[name] if name in defined else -1), name
