"""The streaming contract for every group figure: add batches, merge parts, finish once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate.distribution import Distribution
from sgengine.aggregate.figures import Figures, Group, figures
from sgengine.aggregate.focus import Focus
from sgengine.aggregate.keys import Key, check_by, group_rows, plain_columns, rows_by_key
from sgengine.aggregate.number_file import NumberFile
from sgengine.aggregate.pool import GapPool
from sgengine.aggregate.pooling import Pooling
from sgengine.aggregate.ranks import Gathering
from sgengine.aggregate.sections import NightSections, Sections, windowed
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.spool import Spool
from sgengine.aggregate.streamed import FEW, distribution_in
from sgengine.aggregate.table import OK, Requests, requests_of
from sgengine.aggregate.tally import NUMBERS, Totals, tally
from sgengine.aggregate.targets import OK_ALONE, needs_ok_alone, target_met
from sgengine.aggregate.windows import SLICES, Span, Window, span_of, window
from sgengine.compute import Expected, Measured, Rows, itl_samples

DIMENSION_SUFFIX = "_dim"
"""Put behind a ``by`` column whose name a figure has."""

Int64s = npt.NDArray[np.int64]

Each = Callable[
    [Callable[[tuple[Key, str]], Distribution], Sequence[tuple[Key, str]]], Iterable[Distribution]
]
"""Goes over numbers by group and name, as ``map`` does."""

Latencies = Mapping[Key, Mapping[str, Distribution]]
"""Of each group the distributions of its numbers, by name (tally.NUMBERS)."""

WHOLE_RULES = ("chunk", "token")
"""Chunk rules whose samples are whole ns."""


@dataclass(kw_only=True)
class Aggregator:
    """Requests seen so far, by group.

    Adding batches in any order, or merging aggregators of parts, gives the same figures: integers and
    order statistics exactly, sums rounded once. ``sections``: the part of each run that is chosen, if
    the settings choose one; what is added are its members. ``columns``: those that any row has.
    ``unit``: the column by whose values T adds up, a run each; ``sources``: where the stated T of one
    comes from, if not from the run's file; ``observes``: whether T is observed where none is stated.
    ``seen`` and ``file``: what aggregators of parts share (GapPool.seen, Spool.file); ``workers``: as
    many are added to at once, and share the memory for what is kept of a group.
    """

    settings: SummarySettings
    sections: Sections | None = None
    unit: str = "run"
    sources: Mapping[str, str] = field(default_factory=dict)
    observes: bool = True
    columns: dict[str, None] = field(default_factory=dict)
    outside: dict[Key, int] = field(default_factory=dict)
    runs: dict[Key, set[str]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    seen: dict[Key, Focus] = field(default_factory=dict)
    file: NumberFile = field(default_factory=NumberFile)
    workers: int = 1
    totals: dict[Key, Totals] = field(default_factory=dict)
    kept: Spool = field(init=False)
    pool: GapPool = field(init=False)
    pooling: Pooling = field(init=False)

    def __post_init__(self) -> None:
        whole = self.settings.itl_rule in WHOLE_RULES
        self.pool = GapPool(
            limit_bytes=self.settings.pool_bytes, whole=whole, workers=self.workers, seen=self.seen
        )
        self.pooling = Pooling(settings=self.settings, pool=self.pool)
        self.kept = Spool(limit_bytes=self.settings.kept_bytes // self.workers, file=self.file)

    def expected(self) -> Expected | None:
        """How gaps of the next batch may be sifted while it is measured (Pooling.expected)."""
        return self.pooling.expected()

    def add(self, requests: Rows, measured: Measured | None = None) -> None:
        """Take in one batch of REQUESTS, and the ITL samples of the ``measured`` batch behind it."""
        if requests.num_rows == 0:
            return
        self.columns.update(dict.fromkeys(plain_columns(requests)))
        keys, codes = group_rows(requests, self.settings.by)
        rows = rows_by_key(keys, codes)
        self._tally(requests_of(requests), rows)
        self._add_runs(requests, keys, codes)
        if measured is not None:
            self.pooling.add(requests, measured, rows)

    def _tally(self, numbers: Requests, rows: Mapping[Key, Int64s]) -> None:
        """Add up each group's ``rows``, and keep what its distributions need."""
        settings = self.settings
        only_ok = settings.population == "ok"
        found = tally(numbers, settings, list(rows.values()), only_ok=only_ok)
        for key, totals, mine in zip(rows, found.totals, found.numbers, strict=True):
            self.totals.setdefault(key, Totals()).merge(totals)
            self.kept.add(key, mine)
        if needs_ok_alone(settings):
            found = tally(numbers, settings, list(rows.values()), only_ok=True)
            for key, mine in zip(rows, found.numbers, strict=True):
                self.kept.add(key, {OK_ALONE + name: mine[name] for name in mine})

    def note(self, requests: Rows) -> None:
        """Take in when the runs of a batch were at work, where no figures are wanted."""
        if requests.num_rows:
            self._add_runs(requests, *group_rows(requests, self.settings.by))

    def leave_out(self, requests: Rows) -> None:
        """Count the REQUESTS rows of a batch that are outside of their runs' sections."""
        self.columns.update(dict.fromkeys(plain_columns(requests)))
        keys, codes = group_rows(requests, self.settings.by)
        for key, count in zip(keys, np.bincount(codes).tolist(), strict=True):
            self.outside[key] = self.outside.get(key, 0) + count

    def _add_runs(self, requests: Rows, keys: Sequence[Key], codes: Int64s) -> None:
        runs, run_codes = group_rows(requests, (self.unit,))
        for i, (run,) in enumerate(runs):
            rows = None if len(runs) == 1 else np.flatnonzero(run_codes == i)
            if self.observes:
                part = requests if rows is None else requests.take(pa.array(rows))
                self.spans.setdefault(str(run), Span()).merge(span_of(part))
            mine = codes if rows is None else codes[rows]
            present = [0] if len(keys) == 1 else np.flatnonzero(np.bincount(mine)).tolist()
            for code in present:
                self.runs.setdefault(keys[code], set()).add(str(run))

    def merge(self, other: Aggregator) -> None:
        """Take in all that ``other`` has seen."""
        self.columns.update(other.columns)
        for key, count in other.outside.items():
            self.outside[key] = self.outside.get(key, 0) + count
        for key, totals in other.totals.items():
            self.totals.setdefault(key, Totals()).merge(totals)
        self.kept.merge(other.kept)
        for key, runs in other.runs.items():
            self.runs.setdefault(key, set()).update(runs)
        for run, span in other.spans.items():
            self.spans.setdefault(run, Span()).merge(span)
        self.pool.merge(other.pool)

    def finish(
        self,
        stated: Mapping[str, int] | None = None,
        itl: Mapping[Key, Distribution] | None = None,
        *,
        latencies: Latencies | None = None,
    ) -> list[Figures]:
        """The figures of every group, sorted by key, the ``by`` columns first.

        ``stated``: the durations in ns that runs state. ``itl``: pooled ITL of each group, where the
        pool's search took further passes (see GapPool.search). ``latencies``: those of ``latencies``,
        if they are known already. Raises UsageError if no row of any source has a column of ``by``.
        """
        if self.columns:
            check_by(self.settings.by, self.columns)
        if itl is None:
            itl = self.pool.distributions()
        found = self.latencies() if latencies is None else latencies
        return [self._figures(key, stated or {}, itl.get(key), found[key]) for key in self.keys()]

    def latencies(self, each: Each = map) -> Latencies:
        """The distributions of each group's numbers, by name.

        ``each``: how to go over latencies of many requests, in their order, perhaps several at once.
        """
        places = [(key, name) for key in self.keys() for name in NUMBERS]
        large = [at for at in places if self.kept.column(*at).size > FEW]
        # Asked for nothing, threads would start for nothing.
        found = dict(zip(large, each(self._distribution, large), strict=True)) if large else {}
        by_key: dict[Key, dict[str, Distribution]] = {}
        for at in places:
            mine = by_key.setdefault(at[0], {})
            mine[at[1]] = found[at] if at in found else self._distribution(at)
        return by_key

    def _distribution(self, at: tuple[Key, str]) -> Distribution:
        return distribution_in(self.kept.column(*at), whole=at[1] != "tpot")

    def keys(self) -> list[Key]:
        """The groups, sorted: those of ``finish``."""
        return sorted(self.runs, key=_order)

    def _figures(
        self,
        key: Key,
        stated: Mapping[str, int],
        itl: Distribution | None,
        latencies: Mapping[str, Distribution],
    ) -> Figures:
        settings = self.settings
        group = Group(
            totals=self.totals.get(key, Totals()),
            column=lambda name: self.kept.column(key, name),
            latencies=latencies,
            itl=itl,
            window=self._window(key, stated),
            settings=settings,
        )
        named = dict(zip(settings.by, key, strict=True))
        found = figures(group)
        if settings.selection is not None:
            found["requests_outside"] = self.outside.get(key, 0)
        if settings.target is not None:
            found["target_met"] = target_met(group, found)
        return {_beside(found, name): value for name, value in named.items()} | found

    def _window(self, key: Key, stated: Mapping[str, int]) -> Window:
        """T of a group, by the first rule of METRICS 5 that applies."""
        settings, runs = self.settings, sorted(self.runs[key])
        part = _slice_of(settings.by, key)
        if isinstance(self.sections, NightSections) and settings.duration_ns is None:
            part = part or (self.sections.start_ns, self.sections.end_ns)
            return windowed(runs, self.sections, "night", part=part)
        if settings.selection is None or self.sections is None or settings.duration_ns is not None:
            length = None if part is None else part[1] - part[0]
            given = settings.duration_ns
            return window(
                runs, self.spans, stated, sources=self.sources, given_ns=given, slice_ns=length
            )
        return windowed(runs, self.sections, settings.selection.source, part=part)


def _beside(figures: Figures, name: str) -> str:
    """A column's name, or one that no figure has: ``status_dim``, for status holds the counts."""
    return f"{name}{DIMENSION_SUFFIX}" if name in figures else name


def gather_samples(
    gathering: Gathering, requests: Rows, measured: Measured, settings: SummarySettings
) -> None:
    """Take the ITL samples of a batch into a further pass: those of the settings' population and rule."""
    if requests.num_rows == 0:
        return
    keys, codes = group_rows(requests, settings.by)
    chosen = None
    if settings.population == "ok":
        chosen = np.flatnonzero(requests_of(requests).status == OK)
        codes = codes[chosen]
    samples = itl_samples(measured, settings.itl_rule, chosen)
    # Codes of one key alone would take as long as the samples, and are not looked at.
    gathering.add(
        list(keys), codes[:0] if len(keys) == 1 else samples.groups(codes), samples.values
    )


def _slice_of(by: tuple[str, ...], key: Key) -> tuple[int, int] | None:
    """The time slice [a, b) that a group is, the shortest that it is grouped by; None if it is none.

    Requests without a place in time, the None slice, divide by their runs' window.
    """
    slices = [
        (value, value + SLICES[name])
        for name, value in zip(by, key, strict=True)
        if name in SLICES and isinstance(value, int)
    ]
    return min(slices, key=lambda part: part[1] - part[0], default=None)


def _order(key: Key) -> tuple[tuple[bool, str, object], ...]:
    """Sorts mixed values: None last, numbers first, then texts, then whatever else there is."""
    return tuple(_rank(part) for part in key)


def _rank(part: object) -> tuple[bool, str, object]:
    if part is None:
        return True, "", 0
    if isinstance(part, int | float | Decimal):
        return False, "", part
    if isinstance(part, str):
        return False, "str", part
    return False, f"~{type(part).__name__}", str(part)
