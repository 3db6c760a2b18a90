"""One night: the requests that arrive in it, as they were known when it was cut off.

Whether a request is of the night is decided by its arrival alone, so that every request is of exactly
one night, whatever files it is in. What comes after the cut is not seen: a night that is measured again
with the same files gives the same figures, however many days later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate import INSIDE, NOWHERE, NightSections, side_of
from sgengine.analyze.cut import seen_before
from sgengine.analyze.parts import Part, Reads, read
from sgengine.analyze.rejects import OUTSIDE, Rejected, outside_in
from sgengine.compute.ragged import int64s
from sgengine.errors import DataError
from sgengine.readers import Batch, Reject
from sgengine.shuffle import Bounds

_NO_DAY = ("monotonic", "none")


@dataclass(frozen=True, kw_only=True)
class Night:
    """Arrivals in [``start_ns``, ``end_ns``), with what came before ``cut_ns``; ns since the Unix epoch.

    ``has_every_clock``: requests whose clock tells no day are of this night, else they raise DataError.
    ``is_window``: rates divide by the length of the night, once for any number of runs; else by what
    the runs state or took. ``next_files``: files of later days, read for what came before the cut.
    """

    start_ns: int
    end_ns: int
    cut_ns: int
    has_every_clock: bool = False
    is_window: bool = True
    next_files: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        assert self.start_ns < self.end_ns <= self.cut_ns, (
            "a night has a length, and its cut no less"
        )

    @property
    def bounds(self) -> Bounds:
        """The same for the shuffle of event logs."""
        slack = self.cut_ns - self.end_ns
        return Bounds(start_ns=self.start_ns, stop_ns=self.end_ns, slack_ns=slack)

    @property
    def sections(self) -> NightSections | None:
        """The night as the window of all of its runs, None if they keep their own."""
        if not self.is_window:
            return None
        return NightSections(start_ns=self.start_ns, end_ns=self.end_ns)


def reading(night: Night | None) -> Reads:
    """How the parts of a night are read: its rows as they were before the cut, all others as rejects."""
    return read if night is None else partial(_read, night)


def _read(night: Night, part: Part) -> Iterator[Batch]:
    return (of_night(batch, part.source.path, night) for batch in read(part))


def of_night(batch: Batch, source: str, night: Night) -> Batch:
    """The rows that arrive in the night, as seen before its cut; the others as rejects ``outside_window``.

    Rows of a clock that is none break a rule, and stay to be rejected for it.
    """
    rows = batch.deliveries
    clock = rows.column("clock").cast(pa.string())
    _check_clocks(rows, clock, night)
    is_unix = _bools(pc.equal(clock, "unix"))
    where = np.where(is_unix, _sides(rows.column("arrival_ns"), night), INSIDE)
    left_out = map(_reject, outside_in(batch, np.arange(rows.num_rows), where, source))
    own = (_elsewhere(reject, source, night) for reject in batch.rejects)
    mine = _only(batch, np.flatnonzero(where == INSIDE))
    return replace(
        mine,
        deliveries=seen_before(mine.deliveries, is_unix[where == INSIDE], night.cut_ns),
        rejects=(*own, *left_out),
    )


def _sides(arrivals: pa.Array, night: Night) -> npt.NDArray[np.int8]:
    """Where each arrival stands to the night: a code of WHERE."""
    known = _bools(arrivals.is_valid())
    return np.where(known, side_of(int64s(arrivals), night.start_ns, night.end_ns), NOWHERE)


def _reject(line: Rejected) -> Reject:
    return Reject(
        run=line.run, place=line.place, reason=line.reason, count=line.count, detail=line.detail
    )


def _elsewhere(reject: Reject, source: str, night: Night) -> Reject:
    """What cannot be read of a later day's file is that day's to tell."""
    if (reject.source or source) not in night.next_files:
        return reject
    return replace(reject, reason=OUTSIDE, detail=f"of a later day's file: {reject.detail}")


def _check_clocks(rows: pa.RecordBatch, clock: pa.Array, night: Night) -> None:
    """Raise DataError for a row that cannot be placed, unless all of those are of this night."""
    if night.has_every_clock:
        return
    dayless = np.flatnonzero(_bools(pc.is_in(clock, pa.array(_NO_DAY))))
    if dayless.size:
        row = int(dayless[0])
        raise DataError(
            f"run {rows.column('run')[row].as_py()} has clock {clock[row].as_py()}, from which no day "
            "can be told: name the day that it is of, as in --day 2026-01-31"
        )


def _only(batch: Batch, rows: npt.NDArray[np.int64]) -> Batch:
    """Some rows of a batch; its rejects and remarks stay with it."""
    if rows.size == batch.deliveries.num_rows:
        return batch
    return replace(
        batch,
        deliveries=batch.deliveries.take(pa.array(rows)),
        places=None if batch.places is None else batch.places[rows],
        weights=None if batch.weights is None else batch.weights[rows],
    )


def _bools(values: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found
