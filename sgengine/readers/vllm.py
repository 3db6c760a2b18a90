"""vLLM's benchmark client: one run an object, several objects where results were appended.

Chunk times are ttft and the running sum of the gaps in itls, each rounded to whole ns first. The
chat client also counts the role chunk, which has no token: with K = output_len + 1 chunks, chunk 1
(role) is given token 1 and chunk 2 none, so that TTFT, gaps, TPOT and n equal the client's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import DataError
from sgengine.readers import arrays, deliveries, vllm_columns, vllm_rows
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
from sgengine.readers.seconds import NANOS, TooLongError
from sgengine.readers.vllm_columns import ROLE_CHUNK, shows_role_chunk
from sgengine.readers.vllm_file import Run, Span, decode, opened, spans

CLIENT = "vllm bench serve"

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
    ok = sum(not vllm_rows.failed(run, index) for index in range(_length(run)))
    if run.completed is not None and run.completed != ok:
        yield f"The client states {run.completed} completed requests, the rows show {ok}."


def _length(run: Run) -> int:
    return len(run.ttfts or ())


def _count(raw: msgspec.Raw) -> int:
    """Entries of a JSON list of numbers, without decoding it."""
    text = bytes(raw)
    return 0 if text.strip(b" \t\r\n[]") == b"" else text.count(b",") + 1


def _shows_role_chunk(run: Run) -> bool:
    """Whether this is a chat client's run in most of whose ok rows K = output_len + 1."""
    if not run.is_chat:
        return False
    assert run.itls is not None and run.output_lens is not None
    ok = [index for index in range(_length(run)) if not vllm_rows.failed(run, index)]
    role = sum(_count(run.itls[index]) == run.output_lens[index] > 0 for index in ok)
    return 2 * role > len(ok)


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
    rows: list[vllm_rows.Row] = []
    rejects: list[Reject] = []
    for index in others.tolist():
        try:
            rows.append(vllm_rows.row(run, index, partition.origin, shows_role_chunk(partition)))
        except (TooLongError, msgspec.DecodeError) as error:
            rejects.append(_reject(partition.run, index, error))
    places, made = usual.requests + 1, usual.columns
    if rows:
        few, numbers = (
            pa.RecordBatch.from_pydict(vllm_rows.columns(rows)),
            [row.place for row in rows],
        )
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
