"""Totals of groups beside Python's own arithmetic, and exact sums beside math.fsum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate.exact_sum import exact_sum
from sgengine.aggregate.tally import NUMBERS
from sgengine.kernels import sums as sums_kernel
from sgengine.kernels import totals as kernel
from sgengine.schema.enums import STATUSES

Row = dict[str, Any]

FINITE = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, max_value=1e300, min_value=-1e300),
    st.integers(-(2**53), 2**53).map(float),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1.0, 1e300, -1e300, 2.0**1000]),
)


def summed(*parts: list[float]) -> float | None:
    """The exact sum of parts, each added up alone and then merged."""
    whole = np.zeros(sums_kernel.N_SUM, dtype=np.int64)
    for part in parts:
        mine = np.zeros(sums_kernel.N_SUM, dtype=np.int64)
        sums_kernel.add_exactly(np.array(part, dtype=np.float64), mine)
        whole += mine
    return exact_sum(whole)


@given(st.lists(FINITE, max_size=30), st.integers(0, 30))
@example([1e300, 1.0, -1e300], 1)
@example([5e-324] * 7, 3)
def test_sums_are_rounded_once_whatever_the_parts(values: list[float], cut: int) -> None:
    assert summed(values[:cut], values[cut:]) == math.fsum(values)


def test_a_sum_with_null_is_null_and_one_beyond_all_doubles_an_error() -> None:
    assert summed([1.0, math.nan]) is None
    assert summed([1.0], [-math.inf]) == -math.inf
    assert summed([-1.5, 1.5]) == 0.0
    with pytest.raises(OverflowError):
        summed([1.7e308, 1.7e308])


NULLABLE = st.one_of(st.just(-1), st.integers(0, 3), st.integers(0, 2**31 - 1))
NS = st.one_of(st.just(-1), st.integers(0, 5), st.integers(0, 2**62))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "group": st.integers(0, 2),
            "status": st.integers(0, len(STATUSES) - 1),
            "n": NULLABLE,
            "n_input": NULLABLE,
            "n_chunks": NULLABLE,
            "late": NULLABLE,
            "ttft": NS,
            "e2e": NS,
            "idle": NS,
            "attained": st.sampled_from([1, 0, -1]),
            "undetermined": st.integers(0, 1),
            "fluid": st.sampled_from([1, 0, -1]),
            "benefit": FINITE,
        }
    ),
    max_size=12,
)
COLUMNS = ("n", "n_input", "n_chunks", "late", "ttft", "e2e", "idle")


def by_kernel(
    rows: list[Row], among: int, *, only_ok: bool, judged: bool, in_order: bool = False
) -> tuple[np.ndarray, np.ndarray, list[dict[str, list[float]]]]:
    """Totals, sums and numbers of the groups 0 to 2; ``in_order``: the rows come so, and no order is given."""
    codes = np.array([row["group"] for row in rows], dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(4))
    if in_order:
        assert np.array_equal(order, np.arange(len(rows)))
        order = order[:0]
    totals = np.zeros((3, kernel.N_TOTALS), dtype=np.int64)
    sums = np.zeros((3, 1, sums_kernel.N_SUM), dtype=np.int64)
    numbers = np.empty((kernel.N_NUMBERS, len(rows)))
    ends = np.empty((3, kernel.N_NUMBERS), dtype=np.int64)
    kernel.summarize(
        *_frozen(order, cuts, _column(rows, "status", np.int8)),
        *_frozen(*(_column(rows, name, np.int64) for name in COLUMNS)),
        *_frozen(
            *(
                _column(rows if judged else [], name, np.int8)
                for name in ("attained", "undetermined", "fluid")
            )
        ),
        *_frozen(_column(rows, "benefit", np.float64)[np.newaxis]),
        among,
        only_ok,
        totals,
        sums,
        numbers,
        ends,
    )
    found = [
        {name: numbers[c, cuts[g] : ends[g, c]].tolist() for name, c in NUMBERS.items()}
        for g in range(3)
    ]
    return totals, sums, found


def _column(rows: list[Row], name: str, dtype: type[np.generic]) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype=dtype)


def _frozen(*arrays: np.ndarray) -> list[np.ndarray]:
    for array in arrays:
        array.flags.writeable = False
    return list(arrays)


def _total(rows: list[Row], name: str) -> tuple[int, int]:
    """The sum of what is known, and how many are not."""
    known = [row[name] for row in rows if row[name] >= 0]
    return sum(known), len(rows) - len(known)


def counted(row: Row, among: int) -> bool:
    if among == kernel.COMPLETED:
        return STATUSES[row["status"]] == "ok"
    if among == kernel.DETERMINED:
        return not row["undetermined"] and STATUSES[row["status"]] not in (
            "cancelled",
            "incomplete",
        )
    return True


def by_hand(rows: list[Row], among: int, *, judged: bool) -> dict[int, int]:
    """The totals of one group, from their names."""
    both = [row for row in rows if row["n_chunks"] >= 0 and row["n"] > 0]
    some = [row for row in rows if row["n"] != 0]
    found = {place: sum(row["status"] == place for row in rows) for place in range(len(STATUSES))}
    found |= {kernel.CHUNKS: sum(row["n_chunks"] for row in both)}
    found |= {kernel.CHUNKED_TOKENS: sum(row["n"] for row in both)}
    found[kernel.TOKENS], found[kernel.TOKENS_UNKNOWN] = _total(rows, "n")
    found[kernel.INPUT], found[kernel.INPUT_UNKNOWN] = _total(some, "n_input")
    found[kernel.LATE], found[kernel.LATE_UNKNOWN] = _total(some, "late")
    if not judged:
        return found
    yes = [row for row in rows if row["attained"] == 1]
    found[kernel.UNDETERMINED] = sum(row["undetermined"] for row in rows)
    found[kernel.COUNTED] = sum(counted(row, among) for row in rows)
    found[kernel.COUNTED_ATTAINED] = sum(counted(row, among) for row in yes)
    found[kernel.ATTAINED] = len(yes)
    found[kernel.ATTAINED_TOKENS], found[kernel.ATTAINED_UNKNOWN] = _total(yes, "n")
    found[kernel.ONE_TOKEN] = sum(row["n"] == 1 for row in yes)
    found[kernel.ONE_CHUNK] = sum(
        row["n_chunks"] == 1 or (row["n_chunks"] < 0 and row["n"] == 1) for row in yes
    )
    found[kernel.FLUID_KNOWN] = sum(row["fluid"] >= 0 for row in rows)
    found[kernel.FLUID] = sum(row["fluid"] == 1 for row in rows)
    return found


def numbers_by_hand(rows: list[Row], *, only_ok: bool) -> dict[str, list[float]]:
    some = [row for row in rows if not only_ok or STATUSES[row["status"]] == "ok"]
    found = {
        name: [float(row[name]) for row in some if row[name] >= 0]
        for name in ("ttft", "e2e", "idle")
    }
    several = [row for row in some if row["n"] >= 2 and row["ttft"] >= 0 and row["e2e"] >= 0]
    found["tpot"] = [float(row["e2e"] - row["ttft"]) / float(row["n"] - 1) for row in several]
    return found


@given(
    ROWS,
    st.sampled_from([kernel.ALL, kernel.COMPLETED, kernel.DETERMINED]),
    st.booleans(),
    st.booleans(),
)
def test_totals_and_numbers_are_those_of_each_groups_rows(
    rows: list[Row], among: int, only_ok: bool, judged: bool
) -> None:
    _check(rows, among, only_ok=only_ok, judged=judged)
    rows.sort(key=lambda row: int(row["group"]))
    _check(rows, among, only_ok=only_ok, judged=judged, in_order=True)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("only_ok", [True, False])
def test_totals_of_many_rows_are_those_of_all_blocks(in_order: bool, only_ok: bool) -> None:
    """Some blocks have nothing but requests that are ok and known, others have not."""
    known = dict.fromkeys(("status", "late", "idle", "undetermined"), 0)
    known |= dict.fromkeys(("n", "n_input", "n_chunks"), 2) | {"attained": 1, "fluid": 1}
    rows = [
        known
        | {"group": 2 * k // 2000, "ttft": k, "e2e": 3 * k, "benefit": 1.0 / (k + 1) - 0.001}
        | ({"status": k % 6, "n": k % 4 - 1, "late": -1, "idle": -1} if k % 1900 > 1700 else {})
        for k in range(2000)
    ]
    for rest in (rows, rows[:512], rows[:513]):
        _check(rest, kernel.ALL, only_ok=only_ok, judged=True, in_order=in_order)


def _check(
    rows: list[Row], among: int, *, only_ok: bool, judged: bool, in_order: bool = False
) -> None:
    totals, sums, numbers = by_kernel(
        rows, among, only_ok=only_ok, judged=judged, in_order=in_order
    )
    for g in range(3):
        mine = [row for row in rows if row["group"] == g]
        wanted = by_hand(mine, among, judged=judged)
        assert totals[g].tolist() == [wanted.get(place, 0) for place in range(kernel.N_TOTALS)]
        assert numbers[g] == numbers_by_hand(mine, only_ok=only_ok)
        assert exact_sum(sums[g, 0]) == math.fsum(row["benefit"] for row in mine)


@given(st.lists(NULLABLE, max_size=20))
def test_a_sum_of_what_is_known(values: list[int]) -> None:
    (column,) = _frozen(np.array(values, dtype=np.int64))
    assert sums_kernel.sum_known(column) == sum(value for value in values if value >= 0)


def test_the_kernels_statuses_are_those_of_the_schema() -> None:
    assert len(STATUSES) == kernel.N_STATUSES
    assert STATUSES[kernel.OK] == "ok"
    assert STATUSES[kernel.FIRST_CUT :] == ("cancelled", "incomplete")
