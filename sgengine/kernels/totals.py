"""One pass over the requests of a batch: what group figures add up, and the numbers they are distributions of.

Sums are of integers. Of doubles (benefits) they are exact too: a fixed-point number of ``SUM_LIMBS``
limbs of 32 bits, in units of 2^-1074, holds any double, so that no order and no partition can change a
bit of what it is rounded to at the end. Each limb is an int64: 2^31 values cannot overflow it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted

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

SUM_LIMBS = 66
SUM_UNKNOWN = SUM_LIMBS
SUM_INFINITE = SUM_LIMBS + 1
N_SUM = SUM_LIMBS + 2
"""Columns of an exact sum: limbs, how many values were NaN, and how many infinite."""

_LOW = (1 << 32) - 1
_FRACTION = (1 << 52) - 1

_BLOCK = 512
"""Rows of a block: the nine columns that are gone over, some of them several times, stay in the first cache."""


class _Rows(NamedTuple):
    """Those of ``order`` from ``start`` to ``stop``; ``in_order``: these themselves, and loops become vectors."""

    order: Int64s
    in_order: bool
    start: int
    stop: int


@uncounted
def sum_known(values: Int64s) -> int:
    """The sum of ``values`` (S,), -1 for NULL, that are known."""
    found = np.int64(0)
    for k in range(values.size):
        found += max(values[k], 0)
    return found


# Sums and places stay in registers until a block is done: in memory each waited for the one before. Rows
# are unsigned, since a signed index is looked at for counting from the end.


@merged
def _row(rows: _Rows, i: int) -> int:
    return i if rows.in_order else np.uint64(rows.order[i])


@merged
def _add_exactly(rows: _Rows, values: Float64s, out: Int64s) -> None:
    # Most values lie in the limbs of the one before: these stay in registers.
    last = 0
    first = second = third = np.int64(0)
    for i in range(rows.start, rows.stop):
        bits = np.float64(values[_row(rows, i)]).view(np.int64)
        exponent = (bits >> 52) & 0x7FF
        mantissa = bits & _FRACTION
        if exponent == 0x7FF:
            out[SUM_UNKNOWN if mantissa else SUM_INFINITE] += 1
            continue
        if exponent > 0:
            mantissa |= _FRACTION + 1
            exponent -= 1
        limb = exponent >> 5
        if limb != last:
            out[last] += first
            out[last + 1] += second
            out[last + 2] += third
            last = limb
            first = second = third = np.int64(0)
        shift = exponent & 31
        low = (mantissa & _LOW) << shift
        high = (mantissa >> 32) << shift
        sign = (bits >> 63) | 1  # no branch, for no one can tell which come next
        first += sign * (low & _LOW)
        second += sign * ((low >> 32) + (high & _LOW))
        third += sign * (high >> 32)
    out[last] += first
    out[last + 1] += second
    out[last + 2] += third


@uncounted
def add_exactly(values: Float64s, out: Int64s) -> None:
    """Add ``values`` (S,) to the exact sum ``out`` (N_SUM,)."""
    rows = _Rows(out, True, np.uint64(0), np.uint64(values.size))  # without an order
    _add_exactly(rows, values, out)


@merged
def _are_ok(rows: _Rows, status: Int8s) -> bool:
    found = np.int8(0)
    for i in range(rows.start, rows.stop):
        found |= status[_row(rows, i)]
    return found == OK


@merged
def _add_statuses(rows: _Rows, status: Int8s, out: Int64s) -> None:
    alike, last = np.int64(0), np.uint64(0)  # most requests end as the one before
    for i in range(rows.start, rows.stop):
        mine = np.uint64(status[_row(rows, i)])
        if mine != last:
            out[last] += alike
            alike, last = np.int64(0), mine
        alike += 1
    out[last] += alike


@merged
def _add_chunks(rows: _Rows, n: Int64s, n_chunks: Int64s, out: Int64s) -> None:
    chunks = chunked = tokens = unknown = np.int64(0)
    for i in range(rows.start, rows.stop):
        r = _row(rows, i)
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
def _add_known(rows: _Rows, n: Int64s, values: Int64s, total: int, nulls: int, out: Int64s) -> None:
    known = unknown = np.int64(0)
    for i in range(rows.start, rows.stop):
        r = _row(rows, i)
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
    rows: _Rows,
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
            signs |= values[_row(rows, i)]
        if signs >= 0:  # as most often: all are written, by vectors
            for i in range(rows.start, rows.stop):
                out[at] = values[_row(rows, i)]
                at += np.uint64(1)
            return at
    for i in range(rows.start, rows.stop):
        r = _row(rows, i)
        out[at] = values[r]
        at += np.uint64(values[r] >= 0 and (not only_ok or status[r] == OK))
    return at


@merged
def _write_tpot(
    rows: _Rows,
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
            r = _row(rows, i)
            signs |= ttft[r] | e2e[r] | (n[r] - 2)
        if signs >= 0:
            for i in range(rows.start, rows.stop):
                r = _row(rows, i)
                out[at] = (e2e[r] - ttft[r]) / (n[r] - 1)
                at += np.uint64(1)
            return at
    for i in range(rows.start, rows.stop):
        r = _row(rows, i)
        if n[r] >= 2 and ttft[r] >= 0 and e2e[r] >= 0 and (not only_ok or status[r] == OK):
            out[at] = (e2e[r] - ttft[r]) / (n[r] - 1)
            at += np.uint64(1)
    return at


@merged
def _add_block(
    rows: _Rows,
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
            r = _row(rows, i)
            _add_attained(status[r], n[r], n_chunks[r], attained[r], undetermined[r], among, out)
    if fluid.size > 0:
        for i in range(rows.start, rows.stop):
            r = _row(rows, i)
            out[FLUID_KNOWN] += np.int64(fluid[r] >= 0)
            out[FLUID] += max(fluid[r], 0)
    for b in range(benefits.shape[0]):
        _add_exactly(rows, benefits[b], sums[b])
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
                _add_block(_Rows(order, True, *block), *columns, *asked, *out)
            else:
                _add_block(_Rows(order, False, *block), *columns, *asked, *out)
