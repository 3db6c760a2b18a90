"""One pass over the requests of a batch: what group figures add up, and the numbers they are distributions of.

Sums are of integers. Of doubles (benefits) they are exact too: a fixed-point number of ``SUM_LIMBS``
limbs of 32 bits, in units of 2^-1074, holds any double, so that no order and no partition can change a
bit of what it is rounded to at the end. Each limb is an int64: 2^31 values cannot overflow it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel

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


@inlined
def _add_exactly(value: float, out: Int64s) -> None:
    bits = np.float64(value).view(np.int64)
    exponent = (bits >> 52) & 0x7FF
    mantissa = bits & _FRACTION
    if exponent == 0x7FF:
        out[SUM_UNKNOWN if mantissa else SUM_INFINITE] += 1
        return
    if exponent > 0:
        mantissa |= _FRACTION + 1
        exponent -= 1
    limb = exponent >> 5
    shift = exponent & 31
    low = (mantissa & _LOW) << shift
    high = (mantissa >> 32) << shift
    sign = -1 if bits < 0 else 1
    out[limb] += sign * (low & _LOW)
    out[limb + 1] += sign * ((low >> 32) + (high & _LOW))
    out[limb + 2] += sign * (high >> 32)


@kernel
def add_exactly(values: Float64s, out: Int64s) -> None:
    """Add ``values`` (S,) to the exact sum ``out`` (N_SUM,)."""
    for k in range(values.size):
        _add_exactly(values[k], out)


@inlined
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


@kernel
def summarize(
    order: Int64s,
    cuts: Int64s,
    status: Int64s,
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

    Group g has the rows ``order[cuts[g]:cuts[g + 1]]``. Columns are (R,), -1 for NULL; ``attained`` and
    ``undetermined`` are empty without an SLO, ``fluid`` (1, 0, -1 for NULL) where nothing asks for it.
    ``benefits`` (B, R) float64, NaN for NULL, are added to ``sums`` (G, B, N_SUM), the counts to
    ``totals`` (G, N_TOTALS). ``numbers`` (N_NUMBERS, R) float64 ns: those of group g that are defined,
    of requests that are ok alone if ``only_ok``, lie from ``cuts[g]`` up to ``ends[c, g]``.
    """
    for g in range(cuts.size - 1):
        out = totals[g]
        for c in range(N_NUMBERS):
            ends[c, g] = cuts[g]
        for i in range(cuts[g], cuts[g + 1]):
            r = order[i]
            out[status[r]] += 1
            if n_chunks[r] >= 0 and n[r] > 0:
                out[CHUNKS] += n_chunks[r]
                out[CHUNKED_TOKENS] += n[r]
            out[TOKENS] += max(n[r], 0)
            out[TOKENS_UNKNOWN] += np.int64(n[r] < 0)
            if n[r] != 0:
                out[INPUT] += max(n_input[r], 0)
                out[INPUT_UNKNOWN] += np.int64(n_input[r] < 0)
                out[LATE] += max(late[r], 0)
                out[LATE_UNKNOWN] += np.int64(late[r] < 0)
            if attained.size > 0:
                _add_attained(
                    status[r], n[r], n_chunks[r], attained[r], undetermined[r], among, out
                )
            if fluid.size > 0 and fluid[r] >= 0:
                out[FLUID_KNOWN] += 1
                out[FLUID] += fluid[r]
            for b in range(benefits.shape[0]):
                _add_exactly(benefits[b, r], sums[g, b])
            if only_ok and status[r] != OK:
                continue
            if ttft[r] >= 0:
                numbers[TTFT, ends[TTFT, g]] = ttft[r]
                ends[TTFT, g] += 1
            if e2e[r] >= 0:
                numbers[E2E, ends[E2E, g]] = e2e[r]
                ends[E2E, g] += 1
            if idle[r] >= 0:
                numbers[IDLE, ends[IDLE, g]] = idle[r]
                ends[IDLE, g] += 1
            if n[r] >= 2 and ttft[r] >= 0 and e2e[r] >= 0:
                numbers[TPOT, ends[TPOT, g]] = (e2e[r] - ttft[r]) / (n[r] - 1)
                ends[TPOT, g] += 1
