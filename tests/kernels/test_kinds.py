"""What a row is, beside the rules written one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import scan
from sgengine.kernels.kinds import decide_kinds
from tests.kernels.arrays import ints, offsets_of

ROWS = st.lists(
    st.tuples(
        st.booleans(),  # whether chunk times are known
        st.booleans(),  # whether sizes are
        st.integers(0, 3),  # chunks
        st.integers(-1, 5),  # declared tokens
    ),
    max_size=40,
)


def by_hand(listed: bool, sized: bool, chunks: int, declared: int) -> tuple[int, int | None]:
    """The kind and n of a row; None: its sizes are still to be added up."""
    if not listed:
        return scan.NO_CHUNKS, declared
    if chunks == 0:
        return scan.EMPTY, 0
    if sized:
        return scan.SIZED, None
    if declared > chunks:
        return scan.UNKNOWN_SIZES, declared
    return scan.ONE_EACH, chunks


@given(ROWS, st.booleans(), st.booleans())
def test_a_row_is_what_is_known_of_it(
    rows: list[tuple[bool, bool, int, int]], all_listed: bool, none_sized: bool
) -> None:
    """Also where all rows are listed, or none has sizes, and the masks are left out."""
    if all_listed:
        rows = [(True, *row[1:]) for row in rows]
    if none_sized:
        rows = [(row[0], False, *row[2:]) for row in rows]
    kinds, n = np.full(len(rows), 99, dtype=np.uint8), np.full(len(rows), 99, dtype=np.int64)
    decide_kinds(
        offsets_of([chunks for _, _, chunks, _ in rows]),
        ints([declared for *_, declared in rows]),
        ints([] if all_listed else [listed for listed, *_ in rows], np.bool_),
        ints([] if none_sized else [sized for _, sized, *_ in rows], np.bool_),
        kinds,
        n,
    )
    for r, row in enumerate(rows):
        kind, count = by_hand(*row)
        assert kinds[r] == kind
        assert count is None or n[r] == count
