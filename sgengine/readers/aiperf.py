"""NVIDIA AIPerf's profile_export.jsonl: one request a line, in order of completion.

Chunk times are time_to_first_token and the running sum of inter_chunk_latency. Warm-up lines are
rejects of the rule ``warmup``. What concerns the run as a whole is in the summary beside the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import DataError, FormatError
from sgengine.readers import aiperf_rows, arrays, deliveries
from sgengine.readers.aiperf_rows import Metadata, Number, Record, Row, WrongValueError
from sgengine.readers.aiperf_summary import Summary, summary
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
from sgengine.readers.json_lines import REFUSALS, TEXT_SHARE, Cutter, Line, lines, unreadable
from sgengine.readers.names import Names, names
from sgengine.readers.seconds import TooLongError
from sgengine.readers.tables import Piece

_WARMUP = "the line's phase is warmup"


class _RawNumbers(msgspec.Struct, gc=False):
    value: msgspec.Raw


class _ScanMetrics(msgspec.Struct, gc=False):
    inter_chunk_latency: _RawNumbers | None = None
    output_sequence_length: Number | None = None
    usage_completion_tokens: Number | None = None
    reasoning_token_count: Number | None = None
    time_to_first_output_token: Number | None = None


class _ScanRecord(msgspec.Struct, gc=False):
    metadata: Metadata
    metrics: _ScanMetrics | None = None


class _Scan:
    """What a pass over all measured lines finds out, without turning times into numbers."""

    def __init__(self) -> None:
        self.readable = self.rows = self.unscheduled = self.surplus = 0
        self.has_reasoning = self.has_visible = False
        self.first_error = "it has no lines"
        self._decoder = msgspec.json.Decoder(_ScanRecord)

    def see(self, line: Line) -> None:
        """Count one line."""
        try:
            record = self._decoder.decode(line.text)
        except REFUSALS as error:
            self.first_error = one_line(error) if self.readable == 0 else self.first_error
            return
        self.readable += 1
        if record.metadata.is_warmup:
            return
        self.rows += 1
        self.unscheduled += record.metadata.credit_issued_ns is None
        metrics = record.metrics or _ScanMetrics()
        self.has_reasoning |= metrics.reasoning_token_count is not None
        self.has_visible |= metrics.time_to_first_output_token is not None
        self.surplus += _has_surplus(metrics)


def _has_surplus(metrics: _ScanMetrics) -> bool:
    gaps = metrics.inter_chunk_latency
    try:
        output = aiperf_rows.declared(
            metrics.usage_completion_tokens, metrics.output_sequence_length
        )
    except WrongValueError:
        return False
    if gaps is None or output is None:
        return False
    text = bytes(gaps.value).strip(b" \t[]")
    return 1 <= output < 1 + (text.count(b",") + 1 if text else 0)


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. One pass counts what concerns the file as a whole."""
    return plan_of(source, options, summary(source.path), "profile_export.jsonl")


def plan_of(source: Source, options: ReadOptions, about: Summary, usual: str) -> SourcePlan:
    """Ranges of lines of an export, usually called ``usual``, that ``about`` is the summary of."""
    scan, cutter = _Scan(), Cutter()
    for line in lines(source.path):
        cutter.see(line)
        scan.see(line)
    pieces = cutter.pieces(source.path)
    if scan.readable == 0:
        raise FormatError(
            f"{source.path} has no line that is an AIPerf record: {scan.first_error}; give a "
            f"complete {usual}"
        )
    origin = _origin(source.path, options.origin, scan, about)
    called = names(source, options)
    details = _details(scan, about)
    return SourcePlan(
        source=source,
        partitions=tuple(
            _partition(source, options, called, origin, details, index, piece)
            for index, piece in enumerate(pieces)
        ),
        facts=(_facts(source, called, origin, scan, about),),
    )


def _origin(path: str, wanted: str | None, scan: _Scan, about: Summary) -> str:
    """What arrivals are: as wanted, else the schedule of an open loop if every line has its own."""
    if wanted is None:
        return "scheduled" if about.is_open_loop and not scan.unscheduled else "sent"
    if wanted == "accepted":
        raise DataError(f"{path} has no accepted times; --origin scheduled or sent can be read")
    if wanted == "scheduled" and scan.unscheduled:
        raise DataError(
            f"{path} has {scan.unscheduled} of {scan.rows} lines without credit_issued_ns, so not "
            "every scheduled time is known; use --origin sent"
        )
    return wanted


def _details(scan: _Scan, about: Summary) -> tuple[tuple[str, str], ...]:
    found = [("model", about.model)] if about.model is not None else []
    reasoning = [("reasoning_tokens", "int")] if scan.has_reasoning else []
    visible = [("ttft_visible_ns", "int")] if scan.has_visible else []
    return (*found, *reasoning, *visible)


def _partition(
    source: Source,
    options: ReadOptions,
    called: Names,
    origin: str,
    details: tuple[tuple[str, str], ...],
    index: int,
    piece: Piece,
) -> Partition:
    return Partition(
        source=source,
        index=index,
        start=piece.start,
        stop=piece.stop,
        first_row=piece.first_row,
        run=called.run,
        system=called.system,
        workload=called.workload,
        forced=called.forced,
        clock="unix",
        origin=origin,
        batch_bytes=options.batch_bytes,
        details=details,
    )


def _facts(source: Source, called: Names, origin: str, scan: _Scan, about: Summary) -> RunFacts:
    return RunFacts(
        run=called.run,
        system=called.system,
        workload=called.workload,
        format=source.format,
        clock="unix",
        origin=origin,
        client_version=about.client_version,
        request_rate=about.request_rate,
        stated_duration_ns=about.duration_ns,
        notes=tuple(_notes(origin, scan, about)),
    )


def _notes(origin: str, scan: _Scan, about: Summary) -> Iterator[str]:
    if about.note is not None:
        yield about.note
    if origin == "scheduled":
        yield "Times count from the schedule (credit_issued_ns), the client's from its send."
    elif about.is_open_loop and scan.unscheduled:
        yield f"The load was an open loop, but {scan.unscheduled} lines lack the scheduled time."
    if scan.surplus:
        yield (
            f"{scan.surplus} requests have more chunks than tokens: the chunks after their first "
            "are taken to be without, and lateness is an upper bound."
        )


def read(partition: Partition) -> BatchIterator:
    """The measured lines of the range, in order; warm-up and damaged lines are rejects."""
    decoder = msgspec.json.Decoder(Record)
    rows: list[Row] = []
    rejects: list[Reject] = []
    warm: list[int] = []
    size = 0
    for line in lines(partition.path, partition.start, partition.stop, partition.first_row):
        size += len(line.text)
        try:
            record = decoder.decode(line.text)
            if record.metadata.is_warmup:
                warm.append(line.number)
            else:
                rows.append(aiperf_rows.row(record, line.number, partition.origin))
        except REFUSALS as error:
            rejects.append(unreadable(partition.run, line, error))
        except (WrongValueError, TooLongError) as error:
            rejects.append(_wrong(partition.run, line, error))
        if size * TEXT_SHARE >= partition.batch_bytes:
            yield _batch(partition, rows, [*rejects, *_warmups(partition.run, warm)])
            rows, rejects, warm, size = [], [], [], 0
    if rows or rejects or warm:
        yield _batch(partition, rows, [*rejects, *_warmups(partition.run, warm)])


def _wrong(run: str, line: Line, error: Exception) -> Reject:
    place = f"line {line.number}"
    return Reject(run=run, place=place, reason="wrong_type", count=1, detail=one_line(error))


def _warmups(run: str, numbers: Sequence[int]) -> Iterator[Reject]:
    """One reject for each unbroken sequence of warm-up lines."""
    breaks = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
    bounds = [0, *breaks, len(numbers)] if numbers else []
    for begin, end in pairwise(bounds):
        first, last = numbers[begin], numbers[end - 1]
        place = f"line {first}" if first == last else f"line {first}-{last}"
        count = end - begin
        yield Reject(run=run, place=place, reason="warmup", count=count, detail=_WARMUP)


def _batch(partition: Partition, rows: Sequence[Row], rejects: Sequence[Reject]) -> Batch:
    columns = _columns(rows) | _dimensions(partition, rows)
    places = np.array([row.place for row in rows], dtype=np.int64)
    made = pa.RecordBatch.from_pydict(columns)
    return deliveries.conform(made, partition, places, "line", rejects)


def _columns(rows: Sequence[Row]) -> dict[str, pa.Array]:
    identity = [row.record.metadata.x_request_id or str(row.place) for row in rows]
    errors = [aiperf_rows.error_text(row.record) for row in rows]
    return {
        "request_id": pa.array(identity, pa.string()),
        "status": pa.array([row.status for row in rows], pa.string()),
        "error": pa.array(errors, pa.string()),
        "arrival_ns": pa.array([row.arrival_ns for row in rows], pa.int64()),
        "end_ns": pa.array([row.end_ns for row in rows], pa.int64()),
        "chunk_times_ns": arrays.lists([row.times for row in rows], pa.int64()),
        "chunk_tokens": arrays.lists([row.tokens for row in rows], pa.int32()),
        "input_tokens": pa.array([row.input_tokens for row in rows], pa.int32()),
        "output_tokens": pa.array([row.output_tokens for row in rows], pa.int32()),
    }


def _dimensions(partition: Partition, rows: Sequence[Row]) -> dict[str, pa.Array]:
    about = [row.record.metadata for row in rows]
    found = {
        "session_id": pa.array([meta.conversation_id for meta in about], pa.string()),
        "turn": pa.array([meta.turn_index for meta in about], pa.int32()),
        "model": pa.array([partition.detail("model")] * len(rows), pa.string()),
        "worker_id": pa.array([meta.worker_id for meta in about], pa.string()),
    }
    if partition.detail("reasoning_tokens") is not None:
        reasoning = [row.reasoning_tokens for row in rows]
        found["reasoning_tokens"] = pa.array(reasoning, pa.int32())
    if partition.detail("ttft_visible_ns") is not None:
        visible = [row.ttft_visible_ns for row in rows]
        found["ttft_visible_ns"] = pa.array(visible, pa.int64())
    return found
