"""perf_analyzer's profile_export.json, which GenAI-Perf reads: one run an experiment.

A response is what one callback brought: a message, several, or a splinter of one. As GenAI-Perf does, a
splinter is joined to the response before it, and responses without output (role, usage, ``[DONE]``)
are no chunks. Neither status nor token counts are recorded: a reply without any output has failed, and
tokens are known where the server sent usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from sgengine.errors import FormatError
from sgengine.readers import json_document
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import Run
from sgengine.readers.faults import one_line
from sgengine.readers.genai_perf_rows import DIMENSIONS, Shared
from sgengine.readers.json_document import Cursor, Cut, cut, decoded, keep, together
from sgengine.readers.request_rows import ROW_FAULTS, gathered
from sgengine.readers.typed import Int64

CLIENT = "perf_analyzer"


class _ScanRow(msgspec.Struct, gc=False):
    timestamp: Int64
    response_timestamps: list[Int64]


class _Experiment(msgspec.Struct, gc=False):
    mode: str | None = None
    value: float | None = None


class _Head(msgspec.Struct, gc=False):
    experiment: _Experiment | None = None
    window_boundaries: list[Int64] | None = None


class _Root(msgspec.Struct, gc=False):
    version: str | None = None
    service_kind: str | None = None


_SCAN = msgspec.json.Decoder(_ScanRow)


class _Tally:
    """What a pass over the rows of one experiment finds out."""

    def __init__(self) -> None:
        self.backwards = 0
        self._sent: list[int] = []

    def see(self, text: bytes, _: int) -> None:
        """Count one row."""
        try:
            row: _ScanRow = decoded(_SCAN, text)
        except ROW_FAULTS:
            return
        self._sent.append(row.timestamp)
        self.backwards += any(after < before for before, after in pairwise(row.response_timestamps))

    def outside(self, window: Sequence[int]) -> int:
        """Requests sent outside the window."""
        if not window:
            return 0
        return sum(not window[0] <= moment <= window[-1] for moment in self._sent)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment: its load, its windows' boundaries (ns, sorted), and where its rows are."""

    about: _Experiment
    window: tuple[int, ...]
    rows: Cut
    tally: _Tally

    @property
    def rate(self) -> float | None:
        """The offered rate in requests/s; the mode also stands for loads that have none."""
        value = self.about.value
        is_rate = self.about.mode == "request_rate" and value is not None
        return value if is_rate and value is not None and 0 < value < float("inf") else None

    @property
    def concurrency(self) -> int | None:
        """Requests held in flight."""
        value = self.about.value
        is_count = self.about.mode == "concurrency" and value is not None
        return int(value) if is_count and value is not None and abs(value) < 2**53 else None


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of the requests of each experiment."""
    root, experiments = _read_file(source.path)
    runs: list[json_document.PlannedRun] = []
    for number, experiment in enumerate(experiments, 1):
        details = tuple(_details(experiment))
        runs.append(
            json_document.planned(
                source,
                options,
                _run(experiment, root),
                [(piece, details) for piece in experiment.rows.pieces],
                index=sum(len(run.partitions) for run in runs),
                suffix=f"#{number}" if len(experiments) > 1 else "",
            )
        )
    return json_document.plan_of(source, runs)


def _run(experiment: Experiment, root: _Root) -> Run:
    version = one_line(root.version or "", 40)
    return Run(
        client=f"{CLIENT} {version}".strip(),
        clock="unix",
        origins=("sent",),
        request_rate=experiment.rate,
        notes=tuple(_notes(experiment)),
    )


def _read_file(path: str) -> tuple[_Root, list[Experiment]]:
    """Pass over the file. Raises ``FormatError`` where it is damaged or none of perf_analyzer's."""
    cursor = Cursor(path)
    found: list[Experiment] = []
    kept: dict[str, bytes] = {}
    for key in cursor.members():
        if key == "experiments":
            found.extend(_experiment(cursor) for _ in cursor.elements())
        else:
            keep(cursor, key, _Root, kept)
    cursor.finish()
    if not found:
        raise FormatError(f"{path} has no experiments; run perf_analyzer again")
    return together(kept, _Root), found


def _experiment(cursor: Cursor) -> Experiment:
    tally = _Tally()
    rows: Cut | None = None
    kept: dict[str, bytes] = {}
    for key in cursor.members():
        if key == "requests" and rows is None:
            rows = cut(cursor, 1, tally.see)
        else:
            keep(cursor, key, _Head, kept)
    if rows is None:
        raise FormatError(
            f"{cursor.path} has an experiment without requests (before byte {cursor.at}); copy it again"
        )
    head = together(kept, _Head)
    return Experiment(
        about=head.experiment or _Experiment(),
        window=tuple(sorted(head.window_boundaries or ())),
        rows=rows,
        tally=tally,
    )


def _details(experiment: Experiment) -> Iterator[tuple[str, str]]:
    if experiment.rate is not None:
        yield "rate", repr(experiment.rate)
    if experiment.concurrency is not None:
        yield "concurrency", str(experiment.concurrency)
    if experiment.window:
        yield "window_start", str(experiment.window[0])
        yield "window_end", str(experiment.window[-1])


def _notes(experiment: Experiment) -> Iterator[str]:
    yield "The client records no status: a reply without any output counts as failed."
    rows, tally = experiment.rows.rows, experiment.tally
    if outside := tally.outside(experiment.window):
        yield (
            f"{outside} of {rows} requests were sent outside the measurement windows: they are "
            "kept, as GenAI-Perf does, and in_window tells them."
        )
    if tally.backwards:
        yield (
            f"{tally.backwards} requests have times that decrease, for the clock was set back: "
            "such gaps are taken to be 0."
        )


def read(partition: Partition) -> BatchIterator:
    """The requests of the range, in order; damaged rows are rejects."""
    shared = Shared(partition)
    found = json_document.outcomes(partition, shared.row)
    yield from gathered(partition, json_document.WORD, DIMENSIONS, found)
