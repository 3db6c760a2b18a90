"""Event logs in JSON Lines: an event a line, in blocks of lines.

Arrow parses the few columns that every event has, a block at a time; what arrivals and ends say beside
them, their dimensions, comes from a second look at those lines alone. A block that Arrow refuses is read
line by line, which tells good lines from bad ones and is exact for numbers that Arrow does not take.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from sgengine.errors import FormatError
from sgengine.readers import event_lines, event_times, events, tables
from sgengine.readers.base import Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.event_lines import CORE
from sgengine.readers.event_tables import ROWS
from sgengine.readers.events import EventBatch
from sgengine.readers.files import BOM
from sgengine.readers.json_lines import PIECE_BYTES, REFUSALS, TEXT_SHARE, lines
from sgengine.schema import EVENTS

TIME = "time"
NUMBERS = "numbers"
"""Details of a partition: the key of the times, and whether request ids are numbers in JSON."""

_LOOKED_AT = 100
_FEW_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Consecutive whole lines: their bytes, where each line begins and ends, the first one's number."""

    data: bytes
    starts: np.ndarray
    stops: np.ndarray
    first: int

    def line(self, index: int) -> bytes:
        """One line."""
        return self.data[self.starts[index] : self.stops[index]]


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. The first lines tell the time's key and the ids' kind; all are counted."""
    time, has_numbers, first = _look(source.path)
    pieces, rows = _cut(source.path)
    return tables.plan_of(
        source,
        options,
        _keys(source.path),
        pieces,
        first,
        details=(
            (events.IDS, events.TEXT),
            (ROWS, str(rows)),
            (TIME, time),
            *(((NUMBERS, NUMBERS),) if has_numbers else ()),
        ),
    )


def _objects(path: str) -> Iterator[dict[str, msgspec.Raw]]:
    """The first lines that can be read."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    for line in lines(path):
        if line.number > _LOOKED_AT:
            return
        try:
            yield decoder.decode(line.text)
        except REFUSALS:
            continue


def _keys(path: str) -> list[str]:
    return list(dict.fromkeys(key for row in _objects(path) for key in row))


def _look(path: str) -> tuple[str, bool, int | None]:
    """The key of the times, whether ids are numbers, and the first time."""
    found = list(_objects(path))
    time = event_times.time_name(_keys(path))
    if not found or time is None:
        raise FormatError(f"{path} has no line that is an event with a request_id and a time")
    ids = next((row["request_id"] for row in found if "request_id" in row), None)
    has_numbers = ids is not None and bytes(ids)[:1] not in (b'"', b"n")
    moments = [row[time] for row in found if time in row]
    if event_times.unit_of(time) is None and any(bytes(m)[:1].isdigit() for m in moments):
        raise FormatError(
            f"{path} has numbers for {time} and does not say their unit; name the column {time}_ns, "
            f"{time}_us, {time}_ms or {time}_s"
        )
    return time, has_numbers, next(_known(time, moments), None)


def _known(time: str, moments: list[msgspec.Raw]) -> Iterator[int]:
    """The times that can be read."""
    for raw in moments:
        try:
            ns = event_lines.moment(time, raw)
        except event_lines.FAULTS:
            continue
        if ns is not None:
            yield ns


def _cut(path: str) -> tuple[list[tables.Piece], int]:
    """Ranges of about ``PIECE_BYTES`` that begin with a line, and the lines of the file."""
    pieces: list[tables.Piece] = []
    size = Path(path).stat().st_size
    start, number = 0, 1
    with Path(path).open("rb") as file:
        while start < size:
            first = number
            left = PIECE_BYTES
            while left > 0 and (data := file.read(min(left, 1 << 22))):
                number += data.count(b"\n")
                left -= len(data)
            number += file.readline().count(b"\n")
            stop = file.tell()
            pieces.append(tables.Piece(start=start, stop=stop, first_row=first))
            start = stop
    return pieces, number


def read(partition: Partition) -> Iterator[EventBatch]:
    """The events of the range, in order; lines that are none are rejects of their batch."""
    for block in _blocks(partition):
        count = len(block.starts)
        places = np.arange(block.first, block.first + count, dtype=np.int64)
        rows = _fast(block, partition)
        if rows is not None:
            yield events.conform(rows, partition, places, "line")
            continue
        own_runs = "run" not in partition.forced and b'"run"' in block.data
        run = None if own_runs else partition.run
        numbered = [(block.first + i, block.line(i)) for i in range(count)]
        slow, places, rejects = event_lines.rows_of(numbered, _time(partition), run)
        batch = events.conform(slow, partition, places, "line")
        yield EventBatch(rows=batch.rows, rejects=(*rejects, *batch.rejects))


def _time(partition: Partition) -> str:
    time = partition.detail(TIME)
    assert time is not None, "planned"
    return time


def _blocks(partition: Partition) -> Iterator[Block]:
    """Whole lines of about a batch's share of text."""
    size = max(_FEW_BYTES, partition.batch_bytes // TEXT_SHARE)
    at, number = partition.start, partition.first_row
    with Path(partition.path).open("rb") as file:
        file.seek(at)
        while at < partition.stop:
            data = file.read(min(size, partition.stop - at))
            if not data:
                return
            data += file.readline() if not data.endswith(b"\n") else b""
            yield _block(data.removeprefix(BOM) if at == 0 else data, number)
            at += len(data)
            number += data.count(b"\n")


def _block(data: bytes, first: int) -> Block:
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    stops = ends if data.endswith(b"\n") else np.append(ends, len(data))
    starts = np.concatenate([[0], stops[:-1] + 1]).astype(np.int64)
    return Block(data=data, starts=starts, stops=stops, first=first)


def _fast(block: Block, partition: Partition) -> pa.RecordBatch | None:
    """The block by Arrow's parser; None where it is not one good object a line."""
    time = _time(partition)
    kinds = {name: EVENTS.column(name).type for name in ("tokens", "seq")}
    kinds |= {"request_id": pa.int64() if partition.detail(NUMBERS) else pa.string()}
    kinds |= {"event": pa.string(), "run": pa.string(), time: _time_type(time)}
    wanted = [pa.field(name, kinds.get(name)) for name in (*CORE, time)]
    try:
        table = pj.read_json(
            pa.BufferReader(block.data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema(wanted), unexpected_field_behavior="ignore"
            ),
        ).combine_chunks()
        table.validate(full=True)
    except (pa.ArrowException, UnicodeError):
        return None
    if table.num_rows != len(block.starts):
        return None
    rows = pa.RecordBatch.from_arrays(
        [
            column.chunk(0) if column.num_chunks else column.combine_chunks()
            for column in table.columns
        ],
        schema=table.schema,
    )
    return _with_details(_without_nulls(rows), block)


def _time_type(time: str) -> pa.DataType:
    unit = event_times.unit_of(time)
    if unit is None:
        return pa.string()
    return pa.int64() if unit == "ns" else pa.decimal128(38, event_times.DECIMALS)


def _without_nulls(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows without optional columns that hold nothing."""
    empty = [n for n in ("run", "tokens", "seq") if rows.column(n).null_count == rows.num_rows]
    return rows.select([name for name in rows.schema.names if name not in empty])


def _with_details(rows: pa.RecordBatch, block: Block) -> pa.RecordBatch | None:
    """The rows with what arrivals and ends say beyond the core; None if one of them is no good."""
    kinds = rows.column("event")
    chosen = np.flatnonzero(_is_detailed(kinds))
    found = event_lines.details_of([block.line(int(i)) for i in chosen], set(rows.schema.names))
    if found is None:
        return None
    places = np.full(rows.num_rows, -1, dtype=np.int64)
    places[chosen] = np.arange(chosen.size)
    indices = pa.array(np.maximum(places, 0), mask=places < 0)
    for name, column in found.items():
        rows = rows.append_column(name, column.take(indices))
    return rows


def _is_detailed(kinds: pa.Array) -> np.ndarray:
    is_chunk = pa.compute.equal(kinds, "chunk").fill_null(True)
    found: np.ndarray = ~is_chunk.to_numpy(zero_copy_only=False)
    return found
