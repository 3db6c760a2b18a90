"""Which files of a store an analysis goes over: the nights that are wanted, cut into tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.errors import DataError, UsageError
from sgengine.store import DataFile, Snapshot
from sgengine.store.places import place_of

TASK_ROWS = 1 << 17
"""Rows of a task: small files are gathered to as many, large ones cut at row groups."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows of a store: all of them, but for what is given.

    ``since``, ``until``: the first and the last night; ``days``: these nights alone.
    """

    job: str | None = None
    since: date | None = None
    until: date | None = None
    days: frozenset[date] | None = None
    system: str | None = None
    workload: str | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise UsageError(
                f"since {self.since} is after until {self.until}: give the earlier night first"
            )

    def has_night(self, job: str, day: date) -> bool:
        """Whether a night's rows are wanted."""
        return (
            (self.job is None or self.job == job)
            and (self.since is None or self.since <= day)
            and (self.until is None or self.until >= day)
            and (self.days is None or day in self.days)
        )

    def has(self, file: DataFile) -> bool:
        """Whether the rows of a file of requests or gaps are wanted."""
        job, day, system, workload = file.values
        return (
            self.has_night(job, date.fromisoformat(day))
            and self.system in (None, system)
            and self.workload in (None, workload)
        )

    def files(self, snapshot: Snapshot, table: str) -> list[DataFile]:
        """The wanted files of requests or gaps that have rows."""
        return [file for file in snapshot.files[table] if file.rows and self.has(file)]


def check_wanted(wanted: Wanted, snapshot: Snapshot) -> None:
    """Raise UsageError, with what there is, if the store has no night that is wanted."""
    if any(wanted.has_night(*night) for night in snapshot.nights):
        return
    if not snapshot.nights:
        raise UsageError(f"{snapshot.root} holds no night yet: commit one first")
    days = sorted({night.day for night in snapshot.nights})
    jobs = sorted({night.job for night in snapshot.nights})
    raise UsageError(
        f"{snapshot.root} has no night {_described(wanted)}: it holds {days[0]} to {days[-1]} "
        f"of {'job' if len(jobs) == 1 else 'jobs'} {', '.join(jobs)}"
    )


def _described(wanted: Wanted) -> str:
    parts = [f"of job {wanted.job}"] if wanted.job else []
    if wanted.since and wanted.since == wanted.until:
        parts.append(f"{wanted.since}")
    else:
        parts += [f"since {wanted.since}"] if wanted.since else []
        parts += [f"until {wanted.until}"] if wanted.until else []
    return " ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows to read: a file, or ``groups``, the first row group of it and the one behind the last."""

    file: DataFile
    groups: tuple[int, int] | None = None


Task = Sequence[Piece]


def tasks_of(files: Iterable[DataFile], snapshot: Snapshot) -> Iterator[Task]:
    """The files as tasks of about TASK_ROWS rows, each task of one job, so that few names meet."""
    held: list[Piece] = []
    rows = 0
    for file in files:
        if file.rows > TASK_ROWS:
            yield from ([piece] for piece in _cut(file, snapshot))
            continue
        if held and (rows + file.rows > TASK_ROWS):
            yield held
            held, rows = [], 0
        held.append(Piece(file=file))
        rows += file.rows
    if held:
        yield held


def _cut(file: DataFile, snapshot: Snapshot) -> Iterator[Piece]:
    with opened(snapshot, file) as parquet:
        sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    start, rows = 0, 0
    for group, size in enumerate(sizes):
        rows += size
        if rows >= TASK_ROWS or group == len(sizes) - 1:
            yield Piece(file=file, groups=(start, group + 1))
            start, rows = group + 1, 0


@contextmanager
def opened(
    snapshot: Snapshot, file: DataFile, dictionaries: Sequence[str] = ()
) -> Iterator[pq.ParquetFile]:
    """A data file to read, columns ``dictionaries`` encoded; DataError if it is gone or damaged."""
    try:
        with place_of(snapshot.root).open(file.path) as source:
            yield pq.ParquetFile(source, read_dictionary=list(dictionaries))
    except (OSError, pa.ArrowException) as error:
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{snapshot.root}/{file.path} cannot be read ({said}): sgengine check "
            f"{snapshot.root} names the damage"
        ) from error
