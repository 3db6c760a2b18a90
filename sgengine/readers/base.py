"""What the readers hand to the rest: options, sources, partitions, batches, rejects, run facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

DEFAULT_BATCH_BYTES = 64 * 2**20
DEFAULT_WORKLOAD = "default"


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How inputs are to be read. ``None`` means: as the file says, else the reader's default.

    ``system``, ``workload`` and ``run`` replace what the files say. ``origin`` chooses between the
    arrivals a file offers (scheduled or sent), and names the arrivals of files that do not say.
    ``mapping`` is the path of a TOML file that says what the fields of a team's own files mean.
    ``batch_bytes`` bounds the memory of one batch. ``hashed``: the sha256 of each file is wanted, which
    takes a third of the time that decoding Parquet does. ``document_bytes``: JSON documents that are
    larger, and are read as a whole, are refused; ``block_bytes``: so are compressed record batches of
    Arrow IPC that take more; ``None``: none are.
    """

    format: str | None = None
    system: str | None = None
    workload: str | None = None
    run: str | None = None
    origin: str | None = None
    mapping: str | None = None
    batch_bytes: int = DEFAULT_BATCH_BYTES
    hashed: bool = True
    document_bytes: int | None = None
    block_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """One trace file: its path as given or found, its format, and what to call its run."""

    path: str
    format: str
    name: str
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file of a folder or glob that is no trace, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """All traces of the inputs, in order, and the files that were left out."""

    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A part of a source that can be read alone, in any process: small, hashable, picklable.

    ``start`` and ``stop`` are row groups (Parquet), record batches (Arrow IPC) or bytes (JSON).
    ``first_row`` is the number, from 1, of the first row or line in it. ``run``, ``system``,
    ``workload``, ``clock`` and ``origin`` stand in where the rows do not say; those listed in
    ``forced`` replace what the rows say. ``details`` is what else the plan found out, by name.
    """

    source: Source
    index: int
    start: int
    stop: int
    run: str
    system: str
    workload: str
    clock: str
    origin: str
    first_row: int = 1
    forced: tuple[str, ...] = ()
    batch_bytes: int = DEFAULT_BATCH_BYTES
    details: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """The path of the source."""
        return self.source.path

    def detail(self, name: str) -> str | None:
        """What the plan found out under this name; ``None`` if nothing."""
        return dict(self.details).get(name)


@dataclass(frozen=True, kw_only=True)
class Reject:
    """Rows that could not be made deliveries: where, which rule of ``RULES``, how many, and why.

    ``source``: the file they are in, where a source is made of several.
    """

    run: str | None
    place: str
    reason: str
    count: int
    detail: str
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something of a run that was found ``count`` times in rows that were measured all the same."""

    run: str
    text: str
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some rows of a partition: DELIVERIES columns in order, then dimension columns.

    ``places`` (int64, one per row) numbers the rows at their source from 1 and ``place_word``
    says of what: line, row or request; no ``places``: the rows are known by their request's id.
    ``rejects`` are the rows between these that the reader could not make deliveries of; a batch may
    consist of nothing else. ``weights`` (int64, one per row): rows of the source that each was made
    of; ``None``: one. ``remarks`` go to the notes of the run.
    """

    deliveries: pa.RecordBatch
    places: np.ndarray | None
    place_word: str
    rejects: tuple[Reject, ...] = ()
    weights: np.ndarray | None = None
    remarks: tuple[Remark, ...] = ()

    def place(self, row: int) -> str:
        """Where a row is, in words."""
        if self.places is None:
            return f"{self.place_word} {self.deliveries.column('request_id')[row].as_py()}"
        return f"{self.place_word} {self.places[row]}"

    def weight(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the source behind each of these rows."""
        found = self.weights_of(rows)
        return np.ones(rows.size, np.int64) if found is None else found

    def weights_of(self, rows: np.ndarray) -> np.ndarray | None:
        """``weight``, or None where it is 1 for all rows, as most often."""
        return None if self.weights is None else self.weights[rows]


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a source says about one of its runs as a whole.

    ``request_rate`` (requests/s) is ``None`` for a closed loop or when not stated;
    ``stated_duration_ns`` is the duration by the client's own clock, ``None`` when not stated.
    """

    run: str
    system: str
    workload: str
    format: str
    clock: str
    origin: str
    client_version: str | None = None
    request_rate: float | None = None
    stated_duration_ns: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourcePlan:
    """A source cut into partitions, and what it says about its runs.

    ``facts`` has one entry a run, and is empty for a table with a ``run`` column of its own: its
    rows name the runs. ``content_hash`` is the sha256 of the file's bytes in hex; of several
    ``files``, which are then all listed, that of their hashes.
    """

    source: Source
    partitions: tuple[Partition, ...]
    facts: tuple[RunFacts, ...]
    content_hash: str | None = None
    files: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file it reads."""
        return self.files or (self.source.path,)


BatchIterator = Iterator[Batch]
