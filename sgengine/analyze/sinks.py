"""Where rows go: a Parquet file that appears whole or not at all, or memory."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.analyze.tables import common_schema, plain_dimensions, widened
from sgengine.errors import UsageError
from sgengine.schema import REQUESTS

_GROUP_BYTES = 4 << 20
"""Rows wait for a row group of this size: many small ones cost readers time, and the writer memory."""


class Sink(Protocol):
    """What takes the REQUESTS rows of an analysis, batch by batch, in order, from one thread."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take in one batch."""


class Tee:
    """Gives every batch to several sinks."""

    def __init__(self, *sinks: Sink) -> None:
        self.sinks = sinks

    def write(self, batch: pa.RecordBatch) -> None:
        """Give one batch to each."""
        for sink in self.sinks:
            sink.write(batch)


def place_of(path: str | Path, what: str) -> Path:
    """Where a file that is given as ``path`` is renamed to: that path, or what it is a link to.

    Raises UsageError that names ``what`` gave it if its folder is not there, or if it is anything but a
    file: whoever may write to /dev would put a file in the place of /dev/null.
    """
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise UsageError(f"{what} is '{path}': the folder {place.parent} does not exist")
    if place.is_dir():
        raise UsageError(f"{what} is '{path}', a folder: give a file to write")
    if place.exists() and not place.is_file():
        raise UsageError(f"{what} is '{path}', neither a file nor a folder: give a file to write")
    return place


class ParquetSink:
    """Writes rows to ``path`` through a temporary file beside it, renamed when all is well.

    On any error, and on Ctrl-C, the temporary file goes and what stood at ``path`` stays. Sources of
    different formats have different dimensions: each change begins a new part, and parts are brought
    to the union of their columns at the end. A path that cannot be one is a UsageError that names
    ``what`` gave it; ``options`` are those of ``pyarrow.parquet.ParquetWriter``. Nothing written is
    an empty REQUESTS table.
    """

    def __init__(self, path: str, *, what: str = "--requests", **options: Any) -> None:
        self.path = place_of(path, what)
        self._options = {"compression": "zstd"} | options
        self._parts: list[tuple[Path, pa.Schema]] = []
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._folder: Path | None = None
        self._remove: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        folder = self.path.parent / f".{self.path.name}.{uuid4().hex[:8]}"
        # Known before it is made: a signal may come in between, and ends the process in order.
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = folder
        folder.mkdir(mode=0o700)
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one batch; a change of its dimensions begins a new part."""
        batch = plain_dimensions(batch)
        if self._writer is None or self._parts[-1][1] != batch.schema:
            self._begin(batch.schema)
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        if self._held_bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            assert self._writer is not None, "begun before the first batch"
            self._writer.write_table(pa.Table.from_batches(self._held))
            self._held, self._held_bytes = [], 0

    def _begin(self, schema: pa.Schema) -> None:
        self._close()
        assert self._folder is not None, "used as a context manager"
        part = self._folder / f"{len(self._parts)}.parquet"
        self._parts.append((part, schema))
        self._writer = pq.ParquetWriter(part, schema, **self._options)

    def _close(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._close()
            if kind is None:
                self._publish()
        finally:
            self._remove()

    def _publish(self) -> None:
        if not self._parts:
            self._begin(REQUESTS.schema())
            self._close()
        if len(self._parts) == 1:
            self._parts[0][0].replace(self.path)
            return
        assert self._folder is not None, "used as a context manager"
        whole = self._folder / "whole.parquet"
        schemas = [schema for _, schema in self._parts]
        schema = common_schema(schemas)
        with pq.ParquetWriter(whole, schema, **self._options) as writer:
            for part, _ in self._parts:
                for batch in pq.ParquetFile(part).iter_batches():
                    writer.write_batch(widened(batch, schema))
        whole.replace(self.path)
