"""Random requests, and whether a client's file gives the same REQUESTS as the deliveries it stands for."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute
from sgengine.schema import DELIVERIES, REQUESTS

IDENTITY = ("run", "request_id", "system", "workload", "clock", "origin", "error")
VALUES = tuple(name for name in REQUESTS.names if name not in IDENTITY)
"""The columns that a file must give back."""

INPUT_TOKENS = 7

HOUR_NS = 3600 * 10**9

times_ns = st.integers(1, HOUR_NS)
gaps_ns = st.integers(1, 10 * 10**9)
_SIZES = st.integers(1, 5)
statuses = st.sampled_from(["ok", "ok", "failed"])


@st.composite
def chunked(draw, sizes=_SIZES):
    """Times and sizes of the chunks of a request that was delivered something; times increase."""
    gaps = draw(st.lists(gaps_ns, max_size=12))
    times = [draw(times_ns)]
    for gap in gaps:
        times.append(times[-1] + gap)
    return times, [draw(sizes) for _ in times]


def delivery(**columns):
    """A row of DELIVERIES that says nothing but this and ``INPUT_TOKENS``."""
    row = dict.fromkeys(DELIVERIES.names) | dict.fromkeys(("run", "system", "workload"), "x")
    row |= {"request_id": "x", "clock": "none", "origin": "sent", "status": "ok"}
    return row | {"input_tokens": INPUT_TOKENS} | columns


def requests(batches):
    """The REQUESTS of these batches of deliveries, none of which breaks a rule."""
    rows = []
    for batch in batches:
        measured = compute(batch, MeasureSettings())
        assert measured.breaches == ()
        rows += measured.requests.select(VALUES).to_pylist()
    return rows


def batch_of(rows):
    return pa.RecordBatch.from_pylist(rows, schema=DELIVERIES.schema())


def check(got, rows):
    """Whether what was read back has the REQUESTS of these rows of DELIVERIES."""
    assert got.rejects == []
    assert requests(batch.deliveries for batch in got.batches) == requests([batch_of(rows)])


def seconds(nanoseconds):
    return nanoseconds / 1e9


def gaps_of(times):
    return [after - before for before, after in pairwise(times)]
