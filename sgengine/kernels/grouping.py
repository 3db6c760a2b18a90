"""Events into groups: counting sorts over dense codes, then each request's chunks put in order.

Nothing is compared to group: a pass counts, the caller sums the counts up, a pass writes. Within a
request chunks are ordered by (time, seq, tokens falling): a total order up to equal chunks, so the
result does not depend on the order in which files and workers were read. Tokens fall, for then a first
chunk with tokens stays first beside an empty one of the same time.

Arrays that a log does not have are given with size 0: ``kinds`` (every row is a chunk), ``sizes``
(tokens are unknown), ``seqs`` (chunks are not numbered).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels._machine import prefetch_to_write

ARRIVAL = 0
CHUNK = 1
END = 2
UNKNOWN = 255

NO_TIME = -(2**63)
"""Stands for an end that is not known, and for a seq that is not given."""
NO_SIZE = -(2**31)
"""Stands for tokens that are not given."""
_FEW_MOVES = 8
_LINE = 8
"""Times that lie in one line of the cache."""

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]


@kernel
def look_up(codes: Int32s, table: UInt8s, out: UInt8s) -> None:
    """``table`` at each code: ``out`` (N,)."""
    for k in range(codes.size):
        out[k] = table[codes[k]]


@kernel
def look_up_packed(codes: Int32s, packed: int, out: UInt8s) -> None:
    """``look_up`` of codes 0 to 3 in a table of four bytes: a shift, of which several are made at once."""
    table = np.uint32(packed)
    for k in range(codes.size):
        out[k] = (table >> (np.uint32(codes[k]) << np.uint32(3))) & np.uint32(255)


@kernel
def count_codes(codes: Int32s, counts: Int64s) -> None:
    """Add to ``counts`` (U,) int64 how often each code occurs."""
    for k in range(codes.size):
        counts[codes[k]] += 1


@kernel
def order_by_code(codes: Int32s, places: Int64s, out: Int64s) -> None:
    """The rows in order of their codes, stable: ``out`` (N,) int64.

    ``places`` (U,) is where each code's rows begin, and in the end where the next code's do.
    """
    for k in range(codes.size):
        code = codes[k]
        out[places[code]] = k
        places[code] += 1


@kernel
def count_chunks(codes: Int32s, lookup: Int32s, kinds: UInt8s, counts: Int64s) -> None:
    """Add the chunks of each request to ``counts`` (R,); ``lookup`` turns codes into requests, or -1."""
    has_kinds = kinds.size > 0
    for k in range(codes.size):
        request = lookup[codes[k]]
        if request >= 0:
            counts[request] += 1 if not has_kinds or kinds[k] == CHUNK else 0


@kernel
def place_chunks(
    codes: Int32s,
    lookup: Int32s,
    kinds: UInt8s,
    times: Int64s,
    sizes: Int32s,
    seqs: Int64s,
    arrivals: Int64s,
    places: Int64s,
    lasts: Int64s,
    is_mixed: UInt8s,
    size: int,
    out_times: Int64s,
    out_sizes: Int32s,
    out_seqs: Int64s,
) -> None:
    """Write each chunk to the next place of its request, its time since the arrival (R,).

    ``places`` (R,) move on, and so do ``lasts`` (R,), the times of the chunks that came last, at first
    NO_TIME; ``is_mixed`` (R,) becomes 1 where a chunk is not later than the one before it. Where this
    part has no ``sizes`` all are ``size``; seqs that it lacks are NO_TIME.
    """
    has_kinds = kinds.size > 0
    for k in range(codes.size):
        if has_kinds and kinds[k] != CHUNK:
            continue
        request = lookup[codes[k]]
        if request < 0:
            continue
        at = places[request]
        places[request] = at + 1
        time = times[k]
        if time <= lasts[request]:
            is_mixed[request] = 1
        lasts[request] = time
        # The next line of the request: without it half of the time is waiting to write.
        prefetch_to_write(out_times, at + _LINE)
        out_times[at] = time - arrivals[request]
        if out_sizes.size > 0:
            prefetch_to_write(out_sizes, at + 2 * _LINE)
            out_sizes[at] = sizes[k] if sizes.size > 0 else size
        if out_seqs.size > 0:
            prefetch_to_write(out_seqs, at + _LINE)
            out_seqs[at] = seqs[k] if seqs.size > 0 else NO_TIME


@inlined
def _is_before(t: int, q: int, s: int, t2: int, q2: int, s2: int) -> bool:
    """Whether a chunk of (time, seq, tokens) belongs before another.

    Numbers only: an array that is handed to a helper within a loop has its references counted there,
    which costs more than the loop.
    """
    if t != t2:
        return t < t2
    if q != q2:
        return q < q2
    return s > s2


@kernel
def sort_chunks(
    offsets: Int64s,
    is_mixed: UInt8s,
    times: Int64s,
    sizes: Int32s,
    seqs: Int64s,
    spare_times: Int64s,
    spare_sizes: Int32s,
    spare_seqs: Int64s,
) -> None:
    """Put the chunks of each request that ``is_mixed`` (A,) in order, in place.

    Chunks that are a little late move up one by one; where that takes more than a few moves a chunk,
    the runs that are in order already are merged.

    ``offsets`` (A + 1,) of the requests' chunks in ``times``. The spare arrays are as long as the
    request of most chunks, or of size 0 where there are no ``sizes`` or ``seqs``.
    """
    has_sizes, has_seqs = sizes.size > 0, seqs.size > 0
    for r in range(offsets.size - 1):
        if is_mixed[r] == 0:
            continue
        start, stop = offsets[r], offsets[r + 1]
        moves = _FEW_MOVES * (stop - start)
        for k in range(start + 1, stop):
            t = times[k]
            q = seqs[k] if has_seqs else 0
            s = sizes[k] if has_sizes else 0
            i = k
            while i > start:
                q2 = seqs[i - 1] if has_seqs else 0
                s2 = sizes[i - 1] if has_sizes else 0
                if not _is_before(t, q, s, times[i - 1], q2, s2):
                    break
                times[i] = times[i - 1]
                if has_seqs:
                    seqs[i] = seqs[i - 1]
                if has_sizes:
                    sizes[i] = sizes[i - 1]
                i -= 1
            times[i] = t
            if has_seqs:
                seqs[i] = q
            if has_sizes:
                sizes[i] = s
            moves -= k - i
            if moves < 0:
                break
        runs = 1 if moves >= 0 else 2
        while runs > 1:
            runs = 0
            at = start
            while at < stop:
                # Two runs, [at, middle) and [middle, end), the second perhaps empty.
                runs += 1
                middle = stop
                end = stop
                for k in range(at + 1, stop):
                    q2 = seqs[k] if has_seqs else 0
                    q = seqs[k - 1] if has_seqs else 0
                    s2 = sizes[k] if has_sizes else 0
                    s = sizes[k - 1] if has_sizes else 0
                    if _is_before(times[k], q2, s2, times[k - 1], q, s):
                        if middle < stop:
                            end = k
                            break
                        middle = k
                i, j = at, middle
                for k in range(at - start, end - start):
                    takes_first = j == end
                    if i < middle and j < end:
                        qj = seqs[j] if has_seqs else 0
                        qi = seqs[i] if has_seqs else 0
                        sj = sizes[j] if has_sizes else 0
                        si = sizes[i] if has_sizes else 0
                        takes_first = not _is_before(times[j], qj, sj, times[i], qi, si)
                    source = i if takes_first else j
                    i += 1 if takes_first else 0
                    j += 0 if takes_first else 1
                    spare_times[k] = times[source]
                    if has_sizes:
                        spare_sizes[k] = sizes[source]
                    if has_seqs:
                        spare_seqs[k] = seqs[source]
                at = end
            for k in range(stop - start):
                times[start + k] = spare_times[k]
                if has_sizes:
                    sizes[start + k] = spare_sizes[k]
                if has_seqs:
                    seqs[start + k] = spare_seqs[k]


@kernel
def drop_repeats(offsets: Int64s, times: Int64s, sizes: Int32s, seqs: Int64s, kept: Int64s) -> None:
    """Keep one of a request's numbered chunks that are the same in time, seq and tokens.

    The chunks are in order. ``kept`` (A,): chunks left, at the beginning of each request's place.
    """
    has_sizes = sizes.size > 0
    for r in range(kept.size):
        at = offsets[r]
        for k in range(offsets[r] + 1, offsets[r + 1]):
            is_same = seqs[k] != NO_TIME and seqs[k] == seqs[at] and times[k] == times[at]
            if has_sizes and is_same:
                is_same = sizes[k] == sizes[at]
            if not is_same:
                at += 1
                times[at] = times[k]
                seqs[at] = seqs[k]
                if has_sizes:
                    sizes[at] = sizes[k]
        kept[r] = min(at + 1, offsets[r + 1]) - offsets[r]


@kernel
def count_late(offsets: Int64s, ends: Int64s, times: Int64s, late: Int64s) -> None:
    """Chunks of each request, in order, after its end: ``late`` (A,); ``ends`` (A,), NO_TIME for none."""
    for r in range(late.size):
        k = offsets[r + 1]
        while ends[r] != NO_TIME and k > offsets[r] and times[k - 1] > ends[r]:
            k -= 1
        late[r] = offsets[r + 1] - k


@kernel
def close_up(offsets: Int64s, kept: Int64s, times: Int64s, sizes: Int32s, moved: Int64s) -> None:
    """Move the kept chunks of each request together, in place; ``moved`` (A + 1,) the new offsets."""
    at = 0
    for r in range(kept.size):
        moved[r] = at
        for k in range(offsets[r], offsets[r] + kept[r]):
            times[at] = times[k]
            if sizes.size > 0:
                sizes[at] = sizes[k]
            at += 1
    moved[kept.size] = at


@kernel
def count_unsized(offsets: Int64s, sizes: Int32s, out: Int64s) -> None:
    """Chunks of each request whose tokens are not given: ``out`` (A,) int64."""
    for r in range(out.size):
        found = 0
        for k in range(offsets[r], offsets[r + 1]):
            found += 1 if sizes[k] == NO_SIZE else 0
        out[r] = found
