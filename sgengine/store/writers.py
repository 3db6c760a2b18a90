"""Data files written a row group at a time: many partitions at once, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sgengine.errors import DataError
from sgengine.store.columns import schema_id
from sgengine.store.layout import FileName, folder
from sgengine.store.place import Place
from sgengine.store.steps import step

_OPEN_FILES = 64
_GROUP_BYTES = 32 << 20


class Staged(NamedTuple):
    """A data file that is written and not committed: its path in the store, and what a log says of it."""

    table: str
    path: str
    size: int
    rows: int
    values: Mapping[str, str]
    schema: pa.Schema
    stats: str


@dataclass
class _Slot:
    """One partition's rows on their way to a file."""

    values: Mapping[str, str]
    schema: pa.Schema
    held: list[pa.RecordBatch] = field(default_factory=list)
    nbytes: int = 0
    rows: int = 0
    path: str = ""
    arrivals: tuple[int, int] | None = None
    writer: pq.ParquetWriter | None = None
    stack: ExitStack = field(default_factory=ExitStack)


class Writers:
    """Writes the data files of one table of one commit; what was opened is in ``paths``.

    Rows wait in memory, at most ``memory_bytes`` of all partitions together; then the partition that
    holds most writes a row group.
    """

    def __init__(self, place: Place, table: str, commit_id: str, memory_bytes: int) -> None:
        self.paths: list[str] = []
        self.staged: list[Staged] = []
        self._place, self._table, self._commit_id = place, table, commit_id
        self._limit = memory_bytes
        self._held = 0
        self._slots: dict[tuple[str, ...], _Slot] = {}

    def write(self, values: Mapping[str, str], batch: pa.RecordBatch) -> None:
        """Take rows of one partition, without its columns."""
        key = (*values.values(), schema_id(batch.schema))
        slot = self._slots.setdefault(key, _Slot(values, batch.schema))
        slot.held.append(batch)
        slot.nbytes += batch.nbytes
        self._held += batch.nbytes
        if slot.nbytes >= _GROUP_BYTES:
            self._flush(slot)
        while self._held > self._limit:
            self._flush(max(self._slots.values(), key=lambda one: one.nbytes))

    def finish(self) -> list[Staged]:
        """Write what waits, close every file; they are on disk, their folders not yet."""
        for slot in self._slots.values():
            self._flush(slot)
            self._close(slot)
        return self.staged

    def abandon(self) -> None:
        """Close every file as it is, and remove all."""
        for slot in self._slots.values():
            with suppress(OSError, DataError):  # what cannot be written can still be removed
                slot.stack.close()
        for path in self.paths:
            self._place.delete(path)

    def _flush(self, slot: _Slot) -> None:
        if not slot.held:
            return
        if slot.writer is None:
            self._open(slot)
        assert slot.writer is not None, "opened above"
        rows = pa.Table.from_batches(slot.held, slot.schema)
        slot.writer.write_table(rows)
        slot.rows += rows.num_rows
        slot.arrivals = _wider(slot.arrivals, rows)
        self._held -= slot.nbytes
        slot.held, slot.nbytes = [], 0

    def _open(self, slot: _Slot) -> None:
        writing = [other for other in self._slots.values() if other.writer is not None]
        if len(writing) >= _OPEN_FILES:
            self._close(min(writing, key=lambda one: one.nbytes))
        name = FileName(schema_id(slot.schema), self._commit_id, len(self.paths))
        slot.path = f"{self._table}/{folder(slot.values)}/{name}"
        self.paths.append(slot.path)
        file = slot.stack.enter_context(self._place.new_file(slot.path))
        slot.writer = slot.stack.enter_context(
            pq.ParquetWriter(
                file,
                slot.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=_repeating(slot.schema),
                store_schema=False,
                write_page_checksum=True,
            )
        )

    def _close(self, slot: _Slot) -> None:
        """The slot's file done; more rows of it would begin another."""
        if slot.writer is None:
            return
        slot.stack.close()
        size = self._place.size(slot.path)
        self.staged.append(
            Staged(self._table, slot.path, size, slot.rows, slot.values, slot.schema, _stats(slot))
        )
        step(f"staged {slot.path}")
        slot.writer, slot.rows, slot.arrivals = None, 0, None


def _repeating(schema: pa.Schema) -> list[str]:
    """The columns worth a dictionary; one for numbers, the default, doubles the time of writing."""
    return [
        field.name
        for field in schema
        if pa.types.is_dictionary(field.type)
        or (pa.types.is_string(field.type) and field.name != "request_id")
    ]


def _wider(span: tuple[int, int] | None, rows: pa.Table) -> tuple[int, int] | None:
    """``span`` with the arrivals of ``rows``, if they have any."""
    if "arrival_ns" not in rows.column_names:
        return None
    found = pc.min_max(rows["arrival_ns"]).as_py()
    if found["min"] is None:
        return span
    first, last = span or (found["min"], found["max"])
    return min(first, found["min"]), max(last, found["max"])


def _stats(slot: _Slot) -> str:
    """What the log says of a file: rows and arrivals. Few columns keep a year's log quick to read."""
    stats: dict[str, object] = {"numRecords": slot.rows}
    if slot.arrivals is not None:
        first, last = slot.arrivals
        stats |= {"minValues": {"arrival_ns": first}, "maxValues": {"arrival_ns": last}}
    return json.dumps(stats, allow_nan=False)
