"""Hypothesis strategies: deliveries of every shape, readers, benefits, and tables cut anywhere.

Rows are plain dicts with the columns of DELIVERIES; all of them keep the rules a row must keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from sgengine.schema import DELIVERIES
from tests.reference_slo import Benefit, Clause

MS = 10**6
HOUR = 3600 * 10**9
FAR = 2**62
"""As late as any time here gets; sums of two such times still fit 64 bits with their sign."""

FAILURES = ("failed", "timeout", "rejected", "cancelled", "incomplete")

GAPS = st.one_of(
    st.just(0),
    st.integers(0, 9),
    st.integers(0, 400).map(lambda ms: ms * MS),
    st.integers(0, HOUR),
)
"""Gaps between chunks: ties, a few ns (so that ties with deadlines happen), ms, up to an hour."""

FAR_GAPS = st.one_of(GAPS, st.integers(0, 10 * HOUR), st.integers(0, FAR))
"""The same, now and then beyond what a double holds exactly."""


@st.composite
def chunk_times(
    draw: st.DrawFn, min_size: int = 0, max_size: int = 12, gaps: st.SearchStrategy[int] = FAR_GAPS
) -> list[int]:
    """Non-decreasing times from 0 to FAR."""
    steps = draw(st.lists(gaps, min_size=min_size, max_size=max_size))
    return [min(time, FAR) for time in accumulate(steps)]


@st.composite
def chunk_sizes(draw: st.DrawFn, chunks: int, max_tokens: int = 8) -> list[int]:
    """Sizes of that many chunks: the first at least 1, later ones often 0 or 1."""
    later = st.one_of(st.just(1), st.just(0), st.integers(0, max_tokens))
    first = [draw(st.one_of(st.just(1), st.integers(1, max_tokens)))] if chunks else []
    return first + draw(st.lists(later, min_size=max(0, chunks - 1), max_size=max(0, chunks - 1)))


@st.composite
def curves(draw: st.DrawFn, max_chunks: int = 10) -> tuple[list[int], list[int]]:
    """(times, sizes) of a request that delivered something."""
    times = draw(chunk_times(min_size=1, max_size=max_chunks))
    return times, draw(chunk_sizes(len(times)))


# --- Rows ----------------------------------------------------------------------------------------

_STATUS = st.one_of(st.just("ok"), st.sampled_from(("ok", *FAILURES)))
_LISTED = st.sampled_from(("token", "chunk", "split"))
_FEW_TIMES = st.sampled_from(("first_last", "mean"))
_INPUT = st.one_of(st.none(), st.integers(0, 4000))


@st.composite
def sized_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Known sizes: the empty list, one token, ties, chunks of several tokens and of none."""
    times = draw(chunk_times())
    sizes = draw(chunk_sizes(len(times)))
    wrong = st.integers(0, sum(sizes) + 5)
    return {
        "timing": draw(_LISTED),
        "chunk_times_ns": times,
        "chunk_tokens": sizes,
        "output_tokens": draw(st.one_of(st.none(), st.just(sum(sizes)), wrong)),
    }


@st.composite
def role_rows(draw: st.DrawFn) -> dict[str, Any]:
    """A chat stream: the role chunk with token 1, an empty chunk, tokens, now and then a close."""
    times = draw(chunk_times(min_size=2, gaps=GAPS))
    sizes = [1, 0] + [1] * (len(times) - 2)
    if len(times) > 2 and draw(st.booleans()):
        sizes[-1] = 0
    return {
        "timing": "chunk",
        "chunk_times_ns": times,
        "chunk_tokens": sizes,
        "output_tokens": sum(sizes),
    }


@st.composite
def unsized_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Unknown sizes: nothing declared, as many tokens as chunks, fewer, a few more, very many."""
    times = draw(chunk_times())
    declared = st.one_of(
        st.none(),
        st.just(len(times)),
        st.integers(0, len(times)),
        st.integers(len(times), len(times) + 5),
        st.integers(len(times), 2**31 - 1),
    )
    return {
        "timing": draw(_LISTED),
        "chunk_times_ns": times,
        "output_tokens": draw(declared),
    }


@st.composite
def unlisted_rows(draw: st.DrawFn) -> dict[str, Any]:
    """No chunk times: first and last token's, one of them or neither; any number of tokens."""
    declared = st.one_of(st.none(), st.integers(0, 3), st.integers(2, 5000), st.just(2**31 - 1))
    n = draw(declared)
    first, last = draw(chunk_times(min_size=2, max_size=2))
    if n == 0:
        return {"timing": "none", "output_tokens": 0}
    if n == 1:
        last = first
    known = draw(st.sampled_from(("both", "both", "first", "last", "none")))
    if known == "last" and n == 1:
        known = "both"
    return {
        "timing": "none" if known == "none" else draw(_FEW_TIMES),
        "output_tokens": n,
        "ttft_ns": first if known in ("both", "first") else None,
        "last_ns": last if known in ("both", "last") else None,
    }


@st.composite
def deliveries_rows(
    draw: st.DrawFn, shape: st.SearchStrategy[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """One DELIVERIES row of any shape; failures of every kind among them."""
    any_shape = st.one_of(sized_rows(), role_rows(), unsized_rows(), unlisted_rows())
    row: dict[str, Any] = dict.fromkeys(DELIVERIES.names)
    row |= {
        "run": draw(st.sampled_from(("a", "b"))),
        "request_id": "0",
        "system": draw(st.sampled_from(("s", "t"))),
        "workload": "w",
        "clock": "unix",
        "origin": "sent",
        "status": draw(_STATUS),
        "arrival_ns": draw(_ARRIVALS),
        "input_tokens": draw(_INPUT),
    }
    row |= draw(any_shape if shape is None else shape)
    row["error"] = None if row["status"] == "ok" else draw(st.sampled_from((None, "broken")))
    row["end_ns"] = draw(st.one_of(st.none(), st.integers(0, HOUR).map(_after(row))))
    return row


_EPOCH = 1_700_000_000 * 10**9
_ARRIVALS = st.one_of(
    st.none(), st.integers(0, 5 * HOUR), st.integers(0, 5 * HOUR).map(lambda ns: _EPOCH + ns)
)


def _after(row: dict[str, Any]) -> Callable[[int], int]:
    """A function from a delay to the end of a request that delivered what ``row`` says."""
    times = row["chunk_times_ns"] or [row["last_ns"] or row["ttft_ns"] or 0]
    return lambda delay: min(times[-1] + delay, FAR)


@st.composite
def deliveries(
    draw: st.DrawFn,
    min_size: int = 0,
    max_size: int = 8,
    shape: st.SearchStrategy[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Several DELIVERIES rows, request ids unique."""
    rows = draw(st.lists(deliveries_rows(shape), min_size=min_size, max_size=max_size))
    return [row | {"request_id": f"r{k}"} for k, row in enumerate(rows)]


# --- Settings ------------------------------------------------------------------------------------


def readers(max_ns: int = FAR) -> st.SearchStrategy[tuple[int, int]]:
    """(d_1, V): the default, V = 0, a few ns, ms, hours, and up to ``max_ns``."""
    part = st.one_of(
        st.just(0),
        st.integers(0, 9),
        st.integers(0, 600).map(lambda ms: ms * MS),
        st.integers(0, HOUR),
        st.integers(0, max_ns),
    ).map(lambda ns: min(ns, max_ns))
    return st.one_of(st.just((200 * MS, 200 * MS)), st.tuples(part, part))


@st.composite
def benefits(draw: st.DrawFn) -> Benefit:
    """Every benefit function with weights from 0 up; tau where the function has one."""
    shape = draw(st.sampled_from(("linear", "quadratic", "fraction", "exponential", "step")))
    alpha = draw(st.sampled_from([Fraction(a) for a in ("0", "1/2", "1", "5/2", "10")]))
    needs_tau = shape in ("fraction", "exponential")
    tau = draw(st.sampled_from([Fraction(t) for t in ("1/4", "1", "60")])) if needs_tau else None
    return Benefit(shape=shape, alpha=alpha, tau_s=tau)


@st.composite
def clauses(draw: st.DrawFn, reader: tuple[int, int] | None = None) -> Clause:
    """One SLO clause; ``tokens`` only for a given, measured reader."""
    kinds = ["ttft", "tbt", "tpot", "e2e", "pace"] + ([] if reader is None else ["tokens"])
    kind = draw(st.sampled_from(kinds))
    if kind == "tokens":
        assert reader is not None
        share = draw(st.sampled_from([Fraction(q) for q in ("0", "1/2", "9/10", "1")]))
        return Clause(kind=kind, limit_ns=reader[1], first_ns=reader[0], share=share)
    first, limit = draw(readers(HOUR))
    named = kind == "pace" and draw(st.booleans())
    return Clause(kind=kind, limit_ns=limit, first_ns=first if named else None)


# --- Tables --------------------------------------------------------------------------------------


def deliveries_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """The rows as a table of the DELIVERIES schema."""
    schema = DELIVERIES.schema()
    columns = [pa.array([row[f.name] for row in rows], f.type) for f in schema]
    return pa.table(columns, schema=schema)


@st.composite
def _cuts(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    """Consecutive ranges that cover 0 to length, empty ones among them."""
    inner = sorted(draw(st.lists(st.integers(0, length), max_size=5)))
    bounds = [0, *inner, length]
    return list(pairwise(bounds))


@st.composite
def chunked(draw: st.DrawFn, table: pa.Table) -> pa.Table:
    """An equal table of several chunks, some with an offset into larger buffers."""
    parts = []
    for start, stop in draw(_cuts(table.num_rows)):
        part = table.slice(start, stop - start)
        own_buffers = draw(st.booleans())
        parts.append(part.combine_chunks() if own_buffers else part)
    return pa.concat_tables(parts)


@st.composite
def partitions(draw: st.DrawFn, table: pa.Table) -> list[pa.Table]:
    """The table cut into consecutive tables, each chunked in its own way; some may be empty."""
    ranges = draw(_cuts(table.num_rows))
    return [draw(chunked(table.slice(start, stop - start))) for start, stop in ranges]


@st.composite
def regrouped(draw: st.DrawFn, table: pa.Table) -> list[pa.RecordBatch]:
    """The same rows as record batches in another order: what a pool of workers may hand back."""
    order = draw(st.permutations(range(table.num_rows)))
    shuffled = table.take(pa.array(order, pa.int64()))
    batches: list[pa.RecordBatch] = draw(chunked(shuffled)).to_batches()
    return batches
