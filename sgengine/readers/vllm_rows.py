"""Requests of a vLLM result file one by one: those that ``vllm_columns`` does not make all at once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers import arrays
from sgengine.readers.faults import one_line
from sgengine.readers.seconds import NANOS, TooLongError, nanoseconds, times_of
from sgengine.readers.vllm_file import Run

_TOKENS_MAX = 2**31 - 1


def failed(run: Run, index: int) -> bool:
    """An error text; or no token and no first chunk, for an HTTP reply's reason may be empty."""
    assert run.errors is not None and run.output_lens is not None and run.ttfts is not None
    return bool(run.errors[index]) or (run.output_lens[index] == 0 and run.ttfts[index] == 0)


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request as DELIVERIES has it; times in ns."""

    place: int
    status: str
    error: str | None
    timing: str
    arrival_ns: int | None
    end_ns: int | None
    times: np.ndarray | None
    tokens: np.ndarray | None
    input_tokens: int
    output_tokens: int | None


def row(run: Run, index: int, origin: str, role: bool) -> Row:
    """Request ``index`` of the run, with arrivals as ``origin`` says and ``role`` if chunk 1 is the role's.

    Raises TooLongError or msgspec.DecodeError for what is no request.
    """
    assert run.input_lens is not None and run.output_lens is not None
    is_failed = failed(run, index)
    queued = _queued(run, index) if origin == "scheduled" else 0
    times = _times(run, index, queued)
    output = _tokens("output_lens", run.output_lens[index])
    return Row(
        place=index + 1,
        status="failed" if is_failed else "ok",
        error=_error(run, index),
        timing="none" if times is None else "chunk",
        arrival_ns=_arrival(run, index, queued),
        end_ns=_end(run, index, is_failed, queued),
        times=times,
        tokens=_sizes(0 if times is None else len(times), output, is_failed, role),
        input_tokens=_tokens("input_lens", run.input_lens[index]),
        output_tokens=None if is_failed else output,
    )


def _tokens(name: str, count: int) -> int:
    if abs(count) > _TOKENS_MAX:
        raise TooLongError(f"{name} has {count}, allowed is a number below 2^31")
    return count


def _times(run: Run, index: int, queued: int) -> np.ndarray | None:
    """Chunk times from arrival; ``None`` where a request has output but no times.

    The client leaves ttft at 0.0 until the first chunk comes, so with no gaps either there was none.
    """
    assert run.ttfts is not None and run.itls is not None and run.output_lens is not None
    times = times_of(run.ttfts[index], run.itls[index], NANOS)
    if run.ttfts[index] == 0 and len(times) == 1:
        return np.zeros(0, dtype=np.int64) if run.output_lens[index] == 0 else None
    return times + queued if queued else times


def _sizes(chunks: int, output: int, failed: bool, role: bool) -> np.ndarray | None:
    """Tokens of each chunk where the role chunk can be told, else ``None``."""
    if not role or chunks == 0 or not (failed or (chunks == output + 1 and chunks > 1)):
        return None
    sizes = np.ones(chunks, dtype=np.int32)
    sizes[1:2] = 0
    return sizes


def _queued(run: Run, index: int) -> int:
    assert run.queue_times is not None
    return nanoseconds(run.queue_times[index], NANOS)


def _arrival(run: Run, index: int, queued: int) -> int | None:
    if run.start_times is None:
        return None
    return nanoseconds(run.start_times[index], NANOS) - queued


def _end(run: Run, index: int, failed: bool, queued: int) -> int | None:
    """When the request ended; the client leaves the latency of a failed one at 0.0."""
    if run.latencies is None or (failed and run.latencies[index] == 0):
        return None
    return nanoseconds(run.latencies[index], NANOS) + queued


def _error(run: Run, index: int) -> str | None:
    """The last line of the error: of a traceback, the one that says what happened."""
    assert run.errors is not None
    found = (run.errors[index] or "").strip().splitlines()
    return one_line(found[-1]) if found else None


def columns(rows: Sequence[Row]) -> dict[str, pa.Array]:
    """The columns of DELIVERIES that the rows have."""
    return {
        "request_id": pa.array([str(row.place - 1) for row in rows], pa.string()),
        "timing": pa.array([row.timing for row in rows], pa.string()),
        "status": pa.array([row.status for row in rows], pa.string()),
        "error": pa.array([row.error for row in rows], pa.string()),
        "arrival_ns": pa.array([row.arrival_ns for row in rows], pa.int64()),
        "end_ns": pa.array([row.end_ns for row in rows], pa.int64()),
        "chunk_times_ns": arrays.lists([row.times for row in rows], pa.int64()),
        "chunk_tokens": arrays.lists([row.tokens for row in rows], pa.int32()),
        "input_tokens": pa.array([row.input_tokens for row in rows], pa.int32()),
        "output_tokens": pa.array([row.output_tokens for row in rows], pa.int32()),
    }
