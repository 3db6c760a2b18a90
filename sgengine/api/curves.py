"""One request's delivery curve, to look at."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate.spelling import Duration, resolve_reader
from sgengine.api.values import Trace
from sgengine.compute.curve import delivery_curve
from sgengine.errors import DataError, UsageError


def curve(
    trace: Trace,
    request_id: str,
    *,
    run: str | None = None,
    speed: float | None = None,
    first_token: Duration | None = None,
) -> pa.Table:
    """When each token of one request came, was due, and is read by a reader of ``speed`` tokens/s.

    Columns token, delivered_ns, due_ns, read_ns (ns since the arrival). Raises UsageError if no
    request, or several of different runs, have this id; DataError if its chunk times or sizes are
    unknown.
    """
    row = _one(trace.deliveries, request_id, run)
    times, sizes, declared = row["chunk_times_ns"], row["chunk_tokens"], row["output_tokens"]
    if times is None:
        raise DataError(f"request {request_id} has no chunk times: its curve is not known")
    if sizes is None and declared is not None and declared > len(times) > 0:
        raise DataError(
            f"request {request_id} has {declared} tokens in {len(times)} chunks of unknown sizes: "
            "its curve is not known"
        )
    return delivery_curve(times, sizes, resolve_reader(speed, first_token))


def _one(deliveries: pa.Table, request_id: str, run: str | None) -> dict[str, Any]:
    chosen = pc.equal(deliveries["request_id"], request_id)
    if run is not None:
        chosen = pc.and_(chosen, pc.equal(deliveries["run"].cast(pa.string()), run))
    found = deliveries.filter(chosen)
    if found.num_rows == 0:
        raise UsageError(f"no request is called '{request_id}': see the column request_id")
    if found.num_rows > 1:
        runs = ", ".join(sorted(set(found["run"].cast(pa.string()).to_pylist())))
        raise UsageError(
            f"{found.num_rows} requests are called '{request_id}': give run, of {runs}"
        )
    return dict(found.to_pylist()[0])
