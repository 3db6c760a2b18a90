"""NVIDIA AIPerf's profile_export.jsonl: one request a line, in order of completion.

Chunk times are time_to_first_token and the running sum of inter_chunk_latency. Warm-up lines are
rejects of the rule ``warmup``. What concerns the run as a whole is in the summary beside the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import DataError, FormatError
from sgengine.kernels.json_values import LATER, LIST
from sgengine.readers import aiperf_columns, aiperf_rows, aiperf_scan, arrays, deliveries
from sgengine.readers.aiperf_rows import Record, Row, WrongValueError
from sgengine.readers.aiperf_scan import Scan
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
from sgengine.readers.json_lines import (
    REFUSALS,
    SCAN_BYTES,
    TEXT_SHARE,
    Cutter,
    Line,
    LineBlock,
    blocks,
    unreadable,
)
from sgengine.readers.json_shape import Found
from sgengine.readers.names import Names, names
from sgengine.readers.seconds import TooLongError
from sgengine.readers.tables import Piece

_WARMUP = "the line's phase is warmup"


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. One pass counts what concerns the file as a whole."""
    return plan_of(source, options, summary(source.path), "profile_export.jsonl")


def plan_of(source: Source, options: ReadOptions, about: Summary, usual: str) -> SourcePlan:
    """Ranges of lines of an export, usually called ``usual``, that ``about`` is the summary of."""
    scan, cutter = Scan(), Cutter()
    for block in blocks(source.path, SCAN_BYTES):
        cutter.see_all(block)
        scan.see_all(block)
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


def _origin(path: str, wanted: str | None, scan: Scan, about: Summary) -> str:
    """What arrivals are: as wanted, else the schedule of an open loop if every line has its own."""
    if wanted is None:
        return "scheduled" if about.is_open_loop and not scan.unscheduled else "sent"
    if wanted == "accepted":
        raise DataError(f"{path} has no accepted times; --origin scheduled or sent can be read")
    if wanted == "scheduled" and scan.unscheduled:
        raise DataError(
            f"{path} has {scan.unscheduled} of {aiperf_scan.exactly(path).rows} lines without credit_issued_ns, so not "
            "every scheduled time is known; use --origin sent"
        )
    return wanted


def _details(scan: Scan, about: Summary) -> tuple[tuple[str, str], ...]:
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


def _facts(source: Source, called: Names, origin: str, scan: Scan, about: Summary) -> RunFacts:
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


def _notes(origin: str, scan: Scan, about: Summary) -> Iterator[str]:
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
    decoder, shape = msgspec.json.Decoder(Record), aiperf_columns.shape(LATER)
    size = -(-partition.batch_bytes // TEXT_SHARE)
    for block in blocks(partition.path, size, partition.start, partition.stop, partition.first_row):
        found = shape.find(block.text, block.starts, block.stops)
        yield _batch(partition, decoder, block, found)


def _batch(
    partition: Partition, decoder: msgspec.json.Decoder[Record], block: LineBlock, found: Found
) -> Batch:
    """The usual lines all at once, warm-up lines passed over, and the others one by one."""
    usual = aiperf_columns.usual(found, block.numbers, partition)
    warm = _sound(block, np.flatnonzero(found.sure & aiperf_scan.warm(found)))
    others = np.ones(len(block.numbers), dtype=np.bool_)
    others[usual.rows] = others[warm] = False
    lines = map(block.line, np.flatnonzero(others).tolist())
    rows, rejects, more = _one_by_one(partition, decoder, lines)
    rejects += _warmups(partition.run, sorted([*block.numbers[warm].tolist(), *more]))
    places, made = block.numbers[usual.rows], usual.columns
    if rows:
        few = pa.RecordBatch.from_pydict(_columns(rows) | _dimensions(partition, rows))
        numbers = np.array([row.place for row in rows], dtype=np.int64)
        made, places = arrays.in_order(made, few, (places, numbers))
    return deliveries.conform(made, partition, places, "line", rejects)


def _sound(block: LineBlock, rows: np.ndarray) -> np.ndarray:
    """Those of these lines in which the gaps are a list of numbers as well."""
    places = block.starts[rows], block.stops[rows]
    return rows[aiperf_columns.shape(LIST).find(block.text, *places).sure] if len(rows) else rows


def _one_by_one(
    partition: Partition, decoder: msgspec.json.Decoder[Record], lines: Iterable[Line]
) -> tuple[list[Row], list[Reject], list[int]]:
    """The rows of lines, the rejects of those that have none, and the numbers of warm-up lines."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    warm: list[int] = []
    for line in lines:
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
    return rows, rejects, warm


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
