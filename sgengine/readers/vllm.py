"""vLLM's benchmark client: one run an object, several objects where results were appended.

Chunk times are ttft and the running sum of the gaps in itls, each rounded to whole ns first. The
chat client also counts the role chunk, which has no token: with K = output_len + 1 chunks, chunk 1
(role) is given token 1 and chunk 2 none, so that TTFT, gaps, TPOT and n equal the client's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import DataError
from sgengine.readers import arrays, deliveries, vllm_columns
from sgengine.readers.base import (
    Batch,
    BatchIterator,
    Partition,
    ReadOptions,
    Reject,
    RunFacts,
    Source,
    SourcePlan,
)
from sgengine.readers.faults import one_line
from sgengine.readers.files import mapped
from sgengine.readers.json_lines import RANGE_BYTES, TEXT_SHARE
from sgengine.readers.names import names
from sgengine.readers.seconds import NANOS, TooLongError, nanoseconds, times_of
from sgengine.readers.vllm_columns import ROLE_CHUNK, shows_role_chunk
from sgengine.readers.vllm_file import Run, Span, decode, opened, spans

CLIENT = "vllm bench serve"

_TOKENS_MAX = 2**31 - 1

_PART = "part"
_PARTS_MAX = 2
"""Each passes over the whole document, in half of the time that its numbers take."""

_ROW_BYTES = 64
"""What a request counts for in a batch besides the text of its gaps."""


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Partitions of each run. Raises ``FormatError`` if any object of the file is damaged."""
    content = mapped(source.path)
    found = spans(content)
    partitions: list[Partition] = []
    facts: list[RunFacts] = []
    for number, span in enumerate(found, 1):
        run = decode(source.path, content, span)
        suffix = f"#{number}" if len(found) > 1 else ""
        whole = _partition(source, options, run, span, suffix)
        facts.append(_facts(whole, run))
        partitions.extend(_parts(whole, len(partitions)))
    return SourcePlan(
        source=source,
        partitions=tuple(partitions),
        facts=tuple(facts),
    )


def _partition(
    source: Source, options: ReadOptions, run: Run, span: Span, suffix: str
) -> Partition:
    called = names(source, options, system=run.label or None, suffix=suffix)
    return Partition(
        source=source,
        index=0,
        start=span.start,
        stop=span.stop,
        run=called.run,
        system=called.system,
        workload=called.workload,
        forced=called.forced,
        clock="none" if run.start_times is None else "monotonic",
        origin=_origin(source.path, run, options.origin),
        batch_bytes=options.batch_bytes,
        details=((ROLE_CHUNK, "shown"),) if _shows_role_chunk(run) else (),
    )


def _parts(whole: Partition, index: int) -> Iterator[Partition]:
    """The partition of a run as several, numbered from ``index``: each passes over the whole run."""
    parts = min(max(1, (whole.stop - whole.start) // RANGE_BYTES), _PARTS_MAX)
    for part in range(parts):
        details = (*whole.details, (_PART, f"{part}/{parts}"))
        yield replace(whole, index=index + part, details=details)


def _origin(path: str, run: Run, wanted: str | None) -> str:
    """What arrivals are: as wanted, else the schedule where there was one and it is recorded.

    Raises ``DataError`` if the file does not have what is wanted.
    """
    offered = ["sent"] if run.queue_times is None else ["sent", "scheduled"]
    if wanted is None:
        return "scheduled" if "scheduled" in offered and run.rate is not None else "sent"
    if wanted not in offered:
        raise DataError(
            f"{path} has no {wanted} times, only {' and '.join(offered)} (queue_times would tell "
            "the schedule); leave --origin out"
        )
    return wanted


def _facts(partition: Partition, run: Run) -> RunFacts:
    return RunFacts(
        run=partition.run,
        system=partition.system,
        workload=partition.workload,
        format=partition.source.format,
        clock=partition.clock,
        origin=partition.origin,
        client_version=CLIENT,
        request_rate=run.rate,
        stated_duration_ns=_duration(run.duration),
        notes=tuple(_notes(partition, run)),
    )


def _duration(seconds: float | None) -> int | None:
    return None if seconds is None or not 0 <= seconds < 2**33 else round(seconds * NANOS)


def _notes(partition: Partition, run: Run) -> Iterator[str]:
    if partition.origin == "scheduled":
        yield "Times count from the schedule: queue_times were added to the client's ttfts."
    if shows_role_chunk(partition):
        yield "The chat client's role chunk holds token 1 and the next chunk none, as it counts."
    ok = sum(not _failed(run, index) for index in range(_length(run)))
    if run.completed is not None and run.completed != ok:
        yield f"The client states {run.completed} completed requests, the rows show {ok}."


def _length(run: Run) -> int:
    return len(run.ttfts or ())


def _failed(run: Run, index: int) -> bool:
    """An error text; or no token and no first chunk, for an HTTP reply's reason may be empty."""
    assert run.errors is not None and run.output_lens is not None and run.ttfts is not None
    return bool(run.errors[index]) or (run.output_lens[index] == 0 and run.ttfts[index] == 0)


def _count(raw: msgspec.Raw) -> int:
    """Entries of a JSON list of numbers, without decoding it."""
    text = bytes(raw)
    return 0 if text.strip(b" \t\r\n[]") == b"" else text.count(b",") + 1


def _shows_role_chunk(run: Run) -> bool:
    """Whether this is a chat client's run in most of whose ok rows K = output_len + 1."""
    if not run.is_chat:
        return False
    assert run.itls is not None and run.output_lens is not None
    ok = [index for index in range(_length(run)) if not _failed(run, index)]
    role = sum(_count(run.itls[index]) == run.output_lens[index] > 0 for index in ok)
    return 2 * role > len(ok)


class _Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


def read(partition: Partition) -> BatchIterator:
    """The run's requests in order of issue, in batches of about ``batch_bytes``."""
    content = mapped(partition.path)
    run = opened(partition.path, content, Span(partition.start, partition.stop))
    columns = vllm_columns.Columns(run, partition)
    ends = np.cumsum(columns.gaps + _ROW_BYTES)
    start, last = _requests(partition, len(ends))
    while start < last:
        before = int(ends[start - 1]) if start else 0
        full = before - (-partition.batch_bytes // TEXT_SHARE)
        stop = min(int(np.searchsorted(ends, full)) + 1, last)
        yield _batch(partition, run, columns, range(start, stop))
        start = stop


def _requests(partition: Partition, count: int) -> tuple[int, int]:
    """Which of the run's ``count`` requests the partition has: from, and up to."""
    part, parts = map(int, (partition.detail(_PART) or "0/1").split("/"))
    return count * part // parts, count * (part + 1) // parts


def _batch(partition: Partition, run: Run, columns: vllm_columns.Columns, requests: range) -> Batch:
    """Those requests: the usual ones all at once, the others one by one."""
    usual = columns.usual(requests)
    others = np.setdiff1d(requests, usual.requests, assume_unique=True)
    rows: list[_Row] = []
    rejects: list[Reject] = []
    for index in others.tolist():
        try:
            rows.append(_row(run, index, partition.origin, shows_role_chunk(partition)))
        except (TooLongError, msgspec.DecodeError) as error:
            rejects.append(_reject(partition.run, index, error))
    places, made = usual.requests + 1, usual.columns
    if rows:
        few, numbers = pa.RecordBatch.from_pydict(_columns(rows)), [row.place for row in rows]
        made, places = arrays.in_order(made, few, (places, np.array(numbers, dtype=np.int64)))
    for name, value, kind in (
        ("model", run.model_id, pa.string()),
        ("max_concurrency", run.max_concurrency, pa.int64()),
        ("request_rate", run.rate, pa.float64()),
    ):
        made = made.append_column(name, pa.repeat(pa.scalar(value, kind), made.num_rows))
    return deliveries.conform(made, partition, places, "request", rejects)


def _reject(run: str, index: int, error: Exception) -> Reject:
    place = f"request {index + 1}"
    return Reject(run=run, place=place, reason="wrong_type", count=1, detail=one_line(error))


def _row(run: Run, index: int, origin: str, role: bool) -> _Row:
    assert run.input_lens is not None and run.output_lens is not None
    failed = _failed(run, index)
    queued = _queued(run, index) if origin == "scheduled" else 0
    times = _times(run, index, queued)
    output = _tokens("output_lens", run.output_lens[index])
    return _Row(
        place=index + 1,
        status="failed" if failed else "ok",
        error=_error(run, index),
        timing="none" if times is None else "chunk",
        arrival_ns=_arrival(run, index, queued),
        end_ns=_end(run, index, failed, queued),
        times=times,
        tokens=_sizes(0 if times is None else len(times), output, failed, role),
        input_tokens=_tokens("input_lens", run.input_lens[index]),
        output_tokens=None if failed else output,
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


def _columns(rows: Sequence[_Row]) -> dict[str, pa.Array]:
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
