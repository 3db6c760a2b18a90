"""One pass over the requests of a batch: what group figures add up, and the numbers they are distributions of.

Sums are of integers, or exact (kernels.sums), so that no order and no partition changes a bit of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.sums import Rows, add_rows_exactly, row_of

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Float64s = npt.NDArray[np.float64]

N_STATUSES = 6
(
    CHUNKS,
    CHUNKED_TOKENS,
    TOKENS,
    TOKENS_UNKNOWN,
    INPUT,
    INPUT_UNKNOWN,
    LATE,
    LATE_UNKNOWN,
    UNDETERMINED,
    COUNTED,
    COUNTED_ATTAINED,
    ATTAINED,
    ATTAINED_TOKENS,
    ATTAINED_UNKNOWN,
    ONE_TOKEN,
    ONE_CHUNK,
    FLUID_KNOWN,
    FLUID,
) = range(N_STATUSES, N_STATUSES + 18)
N_TOTALS = N_STATUSES + 18
"""Columns of totals: requests of each status, then these."""

ALL, COMPLETED, DETERMINED = range(3)
"""What the share of attaining requests is of."""

YES = 1
OK = 0
FIRST_CUT = 4
"""Statuses by their places in schema.enums.STATUSES: from this one on requests were cut short."""

TTFT, TPOT, E2E, IDLE = range(4)
N_NUMBERS = 4
"""Rows of numbers."""

_BLOCK = 512
"""Rows of a block: the nine columns that are gone over, some of them several times, stay in the first cache."""

# Sums and places stay in registers until a block is done: in memory each waited for the one before.


@merged
def _are_ok(rows: Rows, status: Int8s) -> bool:
    found = np.int8(0)
    for i in range(rows.start, rows.stop):
        found |= status[row_of(rows, i)]
    return found == OK


@merged
def _add_statuses(rows: Rows, status: Int8s, out: Int64s) -> None:
    alike, last = np.int64(0), np.uint64(0)  # most requests end as the one before
    for i in range(rows.start, rows.stop):
        mine = np.uint64(status[row_of(rows, i)])
        if mine != last:
            out[last] += alike
            alike, last = np.int64(0), mine
        alike += 1
    out[last] += alike


@merged
def _add_chunks(rows: Rows, n: Int64s, n_chunks: Int64s, out: Int64s) -> None:
    chunks = chunked = tokens = unknown = np.int64(0)
    for i in range(rows.start, rows.stop):
        r = row_of(rows, i)
        if n_chunks[r] >= 0 and n[r] > 0:
            chunks += n_chunks[r]
            chunked += n[r]
        if n[r] < 0:
            unknown += 1
        else:
            tokens += n[r]
    out[CHUNKS] += chunks
    out[CHUNKED_TOKENS] += chunked
    out[TOKENS] += tokens
    out[TOKENS_UNKNOWN] += unknown


@merged
def _add_known(rows: Rows, n: Int64s, values: Int64s, total: int, nulls: int, out: Int64s) -> None:
    known = unknown = np.int64(0)
    for i in range(rows.start, rows.stop):
        r = row_of(rows, i)
        if n[r] == 0:
            continue
        if values[r] < 0:
            unknown += 1
        else:
            known += values[r]
    out[total] += known
    out[nulls] += unknown


@merged
def _add_attained(
    status: int, n: int, chunks: int, attained: int, undetermined: int, among: int, out: Int64s
) -> None:
    out[UNDETERMINED] += undetermined
    counted = np.int64(1)
    if among == COMPLETED:
        counted = np.int64(status == OK)
    elif among == DETERMINED:
        counted = np.int64(undetermined == 0 and status < FIRST_CUT)
    out[COUNTED] += counted
    if attained != YES:
        return
    out[COUNTED_ATTAINED] += counted
    out[ATTAINED] += 1
    out[ATTAINED_TOKENS] += max(n, 0)
    out[ATTAINED_UNKNOWN] += np.int64(n < 0)
    out[ONE_TOKEN] += np.int64(n == 1)
    out[ONE_CHUNK] += np.int64(chunks == 1 or (chunks < 0 and n == 1))


@merged
def _write_known(
    rows: Rows,
    values: Int64s,
    status: Int8s,
    only_ok: bool,
    out: Float64s,
    start: int,
) -> int:
    at = np.uint64(start)
    if rows.in_order and not only_ok:
        signs = np.int64(0)
        for i in range(rows.start, rows.stop):
            signs |= values[row_of(rows, i)]
        if signs >= 0:  # as most often: all are written, by vectors
            for i in range(rows.start, rows.stop):
                out[at] = values[row_of(rows, i)]
                at += np.uint64(1)
            return at
    for i in range(rows.start, rows.stop):
        r = row_of(rows, i)
        out[at] = values[r]
        at += np.uint64(values[r] >= 0 and (not only_ok or status[r] == OK))
    return at


@merged
def _write_tpot(
    rows: Rows,
    n: Int64s,
    ttft: Int64s,
    e2e: Int64s,
    status: Int8s,
    only_ok: bool,
    out: Float64s,
    start: int,
) -> int:
    at = np.uint64(start)
    if rows.in_order and not only_ok:
        signs = np.int64(0)
        for i in range(rows.start, rows.stop):
            r = row_of(rows, i)
            signs |= ttft[r] | e2e[r] | (n[r] - 2)
        if signs >= 0:
            for i in range(rows.start, rows.stop):
                r = row_of(rows, i)
                out[at] = (e2e[r] - ttft[r]) / (n[r] - 1)
                at += np.uint64(1)
            return at
    for i in range(rows.start, rows.stop):
        r = row_of(rows, i)
        if n[r] >= 2 and ttft[r] >= 0 and e2e[r] >= 0 and (not only_ok or status[r] == OK):
            out[at] = (e2e[r] - ttft[r]) / (n[r] - 1)
            at += np.uint64(1)
    return at


@merged
def _add_block(
    rows: Rows,
    status: Int8s,
    n: Int64s,
    n_input: Int64s,
    n_chunks: Int64s,
    late: Int64s,
    ttft: Int64s,
    e2e: Int64s,
    idle: Int64s,
    attained: Int8s,
    undetermined: Int8s,
    fluid: Int8s,
    benefits: Float64s,
    among: int,
    only_ok: bool,
    out: Int64s,
    sums: Int64s,
    numbers: Float64s,
    ends: Int64s,
) -> None:
    """What ``summarize`` says of some rows of one group, whose totals, sums and ends move on."""
    if rows.in_order and _are_ok(rows, status):
        only_ok = False
        out[OK] += rows.stop - rows.start
    else:
        _add_statuses(rows, status, out)
    _add_chunks(rows, n, n_chunks, out)
    _add_known(rows, n, n_input, INPUT, INPUT_UNKNOWN, out)
    _add_known(rows, n, late, LATE, LATE_UNKNOWN, out)
    if attained.size > 0:
        for i in range(rows.start, rows.stop):
            r = row_of(rows, i)
            _add_attained(status[r], n[r], n_chunks[r], attained[r], undetermined[r], among, out)
    if fluid.size > 0:
        for i in range(rows.start, rows.stop):
            r = row_of(rows, i)
            out[FLUID_KNOWN] += np.int64(fluid[r] >= 0)
            out[FLUID] += max(fluid[r], 0)
    for b in range(benefits.shape[0]):
        add_rows_exactly(rows, benefits[b], sums[b])
    which = (status, only_ok)
    ends[TTFT] = _write_known(rows, ttft, *which, numbers[TTFT], ends[TTFT])
    ends[E2E] = _write_known(rows, e2e, *which, numbers[E2E], ends[E2E])
    ends[IDLE] = _write_known(rows, idle, *which, numbers[IDLE], ends[IDLE])
    ends[TPOT] = _write_tpot(rows, n, ttft, e2e, *which, numbers[TPOT], ends[TPOT])


@uncounted
def summarize(
    order: Int64s,
    cuts: Int64s,
    status: Int8s,
    n: Int64s,
    n_input: Int64s,
    n_chunks: Int64s,
    late: Int64s,
    ttft: Int64s,
    e2e: Int64s,
    idle: Int64s,
    attained: Int8s,
    undetermined: Int8s,
    fluid: Int8s,
    benefits: Float64s,
    among: int,
    only_ok: bool,
    totals: Int64s,
    sums: Int64s,
    numbers: Float64s,
    ends: Int64s,
) -> None:
    """Totals and numbers of G groups of the R rows of a batch.

    Group g has the rows ``order[cuts[g]:cuts[g + 1]]``; without an order those from ``cuts[g]`` on, as
    they come. Columns are (R,), -1 for NULL; ``attained`` and ``undetermined`` are empty without an SLO,
    ``fluid`` (1, 0, -1 for NULL) where nothing asks for it. ``benefits`` (B, R) float64, NaN for NULL, are
    added to ``sums`` (G, B, N_SUM), the counts to ``totals`` (G, N_TOTALS). ``numbers`` (N_NUMBERS, R)
    float64 ns: those of group g that are defined, of requests that are ok alone if ``only_ok``, lie from
    ``cuts[g]`` up to ``ends[g, c]``.
    """
    columns = (status, n, n_input, n_chunks, late, ttft, e2e, idle)
    asked = (attained, undetermined, fluid, benefits, among, only_ok)
    for g in range(cuts.size - 1):
        ends[g, :] = cuts[g]
        out = (totals[g], sums[g], numbers, ends[g])
        for start in range(cuts[g], cuts[g + 1], _BLOCK):
            block = (np.uint64(start), np.uint64(min(start + _BLOCK, cuts[g + 1])))
            if order.size == 0:
                _add_block(Rows(order, True, *block), *columns, *asked, *out)
            else:
                _add_block(Rows(order, False, *block), *columns, *asked, *out)
