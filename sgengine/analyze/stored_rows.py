"""REQUESTS rows of a store's files as an analysis takes them: the columns it needs, labels, units of T."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.aggregate import SLICES, SummarySettings
from sgengine.analyze.stored_files import Piece, Task, opened
from sgengine.compute.rescore import FROM_ENVELOPE, for_reader, measured_with
from sgengine.errors import UsageError
from sgengine.objectives import Reader
from sgengine.schema import LABEL
from sgengine.store import DataFile, Night, Snapshot

UNIT = "_unit"
"""The column by whose values T adds up: a night with bounds is one, in others each run is."""

NIGHT_COLUMNS = ("job", "night")
"""What a row of a store can be grouped by beside what its file holds."""

_KEYS = ("run", "clock", "status")
_TIMES = ("arrival_ns", "end_ns", "last_chunk_ns")
_NUMBERS = (
    "n_input_tokens",
    "n_output_tokens",
    "n_chunks",
    "ttft_ns",
    "e2e_latency_ns",
    "itl_max_ns",
    "late_tokens",
    "user_idle_latency_ns",
    "user_idle_latency_ns_min",
    "user_idle_latency_ns_max",
)
_READERS = ("reader_first_ns", "reader_pace_ns")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Reads tasks of ``snapshot`` for ``settings``; ``bounded``: the nights that are one slice of time.

    ``times``: whether columns are wanted that say when a run was at work. ``more``: further columns that
    are wanted, where a file has them.
    """

    snapshot: Snapshot
    settings: SummarySettings
    bounded: frozenset[Night]
    times: bool = True
    more: tuple[str, ...] = ()

    def read(self, task: Task) -> pa.RecordBatch:
        """The rows of a task as one batch, measured for the settings' reader.

        Raises UsageError where the settings need what only the measured reader's columns say, and
        rows were measured with another.
        """
        parts = [self._read(piece) for piece in task]
        table = pa.concat_tables(parts, promote_options="permissive") if parts[1:] else parts[0]
        (batch,) = table.unify_dictionaries().combine_chunks().to_batches()
        self._check(batch)
        return for_reader(batch, self.settings.reader)

    def _read(self, piece: Piece) -> pa.Table:
        with opened(self.snapshot, piece.file, _KEYS) as parquet:
            groups = range(*piece.groups) if piece.groups else range(parquet.num_row_groups)
            columns = self._columns(parquet, groups)
            # One thread: the executor owns parallelism, a task a worker.
            table = parquet.read_row_groups(list(groups), columns=columns, use_threads=False)
        return self._labelled(table, piece.file)

    def _columns(self, parquet: pq.ParquetFile, groups: Iterable[int]) -> list[str]:
        wanted = [*_KEYS, *_NUMBERS, *_READERS, *self.settings.by, *self.more]
        if self.times or any(name in SLICES for name in self.settings.by):
            wanted += _TIMES
        if self._needs_fluidity:
            wanted.append("fluidity")
        if self._needs_envelopes(parquet, groups):
            wanted += FROM_ENVELOPE.values()
        held = parquet.schema_arrow.names
        return [name for name in dict.fromkeys(wanted) if name in held]

    @property
    def _needs_fluidity(self) -> bool:
        target = self.settings.target
        return target is not None and target.metric == "fluidity"

    def _needs_envelopes(self, parquet: pq.ParquetFile, groups: Iterable[int]) -> bool:
        """Whether idle latencies of other readers are needed than the rows were measured with."""
        reader, slo = self.settings.reader, self.settings.slo
        pace = slo.pace if slo else None
        if pace is not None and _times(pace) != _times(reader):
            return True
        return not all(_holds_only(parquet, groups, *known) for known in _measured(reader).items())

    def _labelled(self, table: pa.Table, file: DataFile) -> pa.Table:
        """The rows with the columns that stand in the file's folder, and the unit."""
        job, night, system, workload = file.values
        labels = {"job": job, "night": night, "system": system, "workload": workload}
        for name, text in labels.items():
            table = table.append_column(name, _constant(text, table.num_rows))
        unit = unit_of(job, night)
        if file.night in self.bounded:
            return table.append_column(UNIT, _constant(unit, table.num_rows))
        runs = table["run"].combine_chunks()
        runs = runs.chunk(0) if isinstance(runs, pa.ChunkedArray) else runs
        units = [unit_of(job, night, str(run)) for run in runs.dictionary]
        column = pa.DictionaryArray.from_arrays(runs.indices, pa.array(units, pa.string()))
        return table.append_column(UNIT, column)

    def _check(self, batch: pa.RecordBatch) -> None:
        needed = measured_only(self.settings)
        if needed is None:
            return
        others = ~measured_with(batch, self.settings.reader)
        if others.any():
            row = int(others.argmax())
            first, pace = (batch.column(name)[row].as_py() for name in _READERS)
            raise UsageError(
                f"{needed} holds for the measured reader alone, and requests of night "
                f"{batch.column('night')[row]} were measured with another: give --speed "
                f"{1e9 / max(pace, 1):g} --first-token {first}ns, or leave it out"
            )


def measured_only(settings: SummarySettings) -> str | None:
    """What of the settings needs columns of the measured reader; None if nothing does."""
    if settings.slo is not None and settings.slo.tokens_share is not None:
        return "a tokens clause"
    if settings.target is not None and settings.target.metric in ("fluidity", "token_attainment"):
        return f"the target {settings.target.metric}"
    return None


def unit_of(*names: str) -> str:
    """The name of a unit of T: of job and night, or of job, night and run, whatever these hold."""
    return "\0".join(names)


def _times(reader: Reader) -> tuple[int, int]:
    return reader.first_ns, reader.pace_ns


def _measured(reader: Reader) -> dict[str, int]:
    return dict(zip(_READERS, _times(reader), strict=True))


def _holds_only(parquet: pq.ParquetFile, groups: Iterable[int], name: str, value: int) -> bool:
    """Whether a column has this value in every row of the row groups, by their statistics."""
    place = next(i for i in count() if parquet.schema.column(i).path == name)
    found = [parquet.metadata.row_group(group).column(place).statistics for group in groups]
    return all(s is not None and s.has_min_max and s.min == s.max == value for s in found)


def _constant(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([text], LABEL.value_type)
    )


def known_columns(snapshot: Snapshot, files: Sequence[DataFile]) -> list[str]:
    """What rows of the files can be grouped by, but for slices of time; of none, those of the store."""
    schema_ids = dict.fromkeys(file.schema_id for file in files)
    schemas = [snapshot.schemas[schema_id] for schema_id in schema_ids] or [snapshot.columns]
    names = [
        field.name for schema in schemas for field in schema if not pa.types.is_nested(field.type)
    ]
    return list(dict.fromkeys([*NIGHT_COLUMNS, "system", "workload", *names]))
