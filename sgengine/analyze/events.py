"""Event logs of an analysis: all their files through one shuffle, to parts that read as deliveries.

The first pass splits: it reads every file once and holds the events while they fit in their share of
the memory. Beyond it, what is held and what still comes goes to buckets in a temporary folder, which
goes when the analysis ends, however it ends. Both halves are pure functions of small tasks.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from sgengine import readers, shuffle
from sgengine.analyze.cut import Unseen
from sgengine.analyze.parts import Bucket, Held, Loaded, Part
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.executors import Stop
from sgengine.readers import IDS, TEXT, Batch, Partition, Reject, RunFacts, Source, SourcePlan
from sgengine.schema import DELIVERIES

_LABELS = ("run", "system", "workload", "clock", "origin")


@dataclass(frozen=True, kw_only=True)
class SplitWork:
    """One partition to read, and what becomes of its events; those at ``cut_ns`` or later are not seen."""

    partition: Partition
    task: shuffle.SplitTask
    cut_ns: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What is left of a partition: its events, held or spilled, and the rows that are none."""

    receipt: shuffle.SplitReceipt
    rejects: tuple[Reject, ...]


def split(work: SplitWork, stop: Stop) -> Split:
    """Read one partition of an event log and split it."""
    rejects: list[Reject] = []
    unseen = Unseen(cut_ns=work.cut_ns)
    receipt = shuffle.split(work.task, _pieces(work.partition, rejects, unseen, stop))
    found = [*rejects, *unseen.rejects(work.partition)]
    return Split(receipt=receipt, rejects=tuple(found))


def _pieces(
    partition: Partition, rejects: list[Reject], unseen: Unseen, stop: Stop
) -> Iterator[shuffle.Piece]:
    labels = {name: str(getattr(partition, name)) for name in _LABELS}
    for batch in stop.ahead(readers.read_events(partition)):
        stop.check()
        rejects.extend(replace(reject, source=partition.path) for reject in batch.rejects)
        rows = unseen.without(batch.rows)
        if rows.num_rows:
            yield shuffle.piece_of(rows, labels)


def with_parts(
    plans: Sequence[SourcePlan], settings: AnalyzeSettings, stack: ExitStack
) -> tuple[tuple[SourcePlan, ...], list[Part]]:
    """The plans, those of event logs as one, and the parts that the passes go over.

    Temporary files go when ``stack`` closes.
    """
    logs = [plan for plan in plans if readers.is_log(plan.source)]
    others = tuple(plan for plan in plans if not readers.is_log(plan.source))
    parts: list[Part] = [part for plan in others for part in plan.partitions]
    if not logs:
        return others, parts
    whole = _as_one(logs)
    return (*others, whole), [*parts, *_Shuffle(logs, whole, settings, stack).parts()]


def _as_one(logs: Sequence[SourcePlan]) -> SourcePlan:
    """The plan of all files of events together, which has no partitions of its own."""
    first = logs[0].source
    if len(logs) == 1:
        return replace(logs[0], partitions=())
    formats = {plan.source.format for plan in logs}
    digests = "".join(plan.content_hash for plan in logs if plan.content_hash)
    return SourcePlan(
        source=Source(
            path=f"{first.path} and {len(logs) - 1} more",
            format=first.format if len(formats) == 1 else "events",
            name=first.name,
            label=first.label,
        ),
        partitions=(),
        facts=_facts(logs),
        content_hash=hashlib.sha256(digests.encode()).hexdigest() if digests else None,
        files=tuple(plan.source.path for plan in logs),
    )


def _facts(logs: Sequence[SourcePlan]) -> tuple[RunFacts, ...]:
    """What the files say of each run, the first one's word and the notes of all."""
    found: dict[str, RunFacts] = {}
    for facts in (facts for plan in logs for facts in plan.facts):
        held = found.setdefault(facts.run, facts)
        notes = tuple(dict.fromkeys([*held.notes, *facts.notes]))
        found[facts.run] = replace(held, notes=notes)
    return tuple(found.values())


class _Shuffle:
    """The first pass over the files of one analysis, and the parts it leaves."""

    def __init__(
        self,
        logs: Sequence[SourcePlan],
        whole: SourcePlan,
        settings: AnalyzeSettings,
        stack: ExitStack,
    ) -> None:
        self._source = whole.source
        self._settings = settings
        self._partitions = _same_ids([part for plan in logs for part in plan.partitions])
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sgengine-events-"))
        rows = sum({part.path: _rows(part) for part in self._partitions}.values())
        self._task = shuffle.SplitTask(
            folder=str(Path(folder).absolute()),
            name="",
            buckets=shuffle.buckets_for(rows, settings.bucket_bytes),
            hold_bytes=settings.share_bytes
            // (2 * min(settings.workers + 2, len(self._partitions) or 1)),
            buffer_bytes=settings.bucket_bytes,
        )
        self._bounds = settings.night.bounds if settings.night else None
        self._splits: list[Split] = []
        self._is_spilling = rows * shuffle.HELD_BYTES > settings.share_bytes

    def parts(self) -> list[Part]:
        """Split everything, and cut it into parts."""
        held = 0
        # Closed before the folder goes, whatever happens here: workers may be writing to it.
        with closing(self._settings.executor.run(split, self._works())) as splits:
            for found in splits:
                self._splits.append(found)
                held += found.receipt.held_bytes
                if found.receipt.spilled or held > self._settings.share_bytes:
                    self._is_spilling = True
                    self._spill_held()
        receipts = [found.receipt for found in self._splits]
        rejects = tuple(reject for found in self._splits for reject in found.rejects)
        types = shuffle.one_type_each(kind for receipt in receipts for kind in receipt.types)
        if not any(receipt.rows for receipt in receipts):
            return [self._nothing(rejects)]
        if self._is_spilling:
            return list(self._buckets(receipts, types, rejects))
        self._splits.clear()
        pieces = [piece for receipt in receipts for piece in receipt.held]
        return list(self._held(pieces, types, rejects))

    def _nothing(self, rejects: tuple[Reject, ...]) -> Part:
        """The part of a log in which no event is any good: its rejects alone."""
        rows = pa.RecordBatch.from_pylist([], schema=DELIVERIES.schema())
        batch = Batch(deliveries=rows, places=None, place_word="request", rejects=rejects)
        return Loaded(source=self._source, loaded=(batch,))

    def _works(self) -> Iterator[SplitWork]:
        """The tasks, each made when a worker is free: those after the memory is full hold nothing."""
        for index, partition in enumerate(self._partitions):
            hold = 0 if self._is_spilling else self._task.hold_bytes
            task = replace(self._task, name=f"split-{index}", hold_bytes=hold)
            night = self._settings.night
            cut = None if night is None else night.cut_ns
            yield SplitWork(partition=partition, task=task, cut_ns=cut)

    def _spill_held(self) -> None:
        for index, found in enumerate(self._splits):
            if found.receipt.held:
                task = replace(self._task, name=f"held-{index}", hold_bytes=0)
                receipt = shuffle.split(task, found.receipt.held)
                self._splits[index] = Split(receipt=receipt, rejects=found.rejects)

    def _buckets(
        self,
        receipts: Sequence[shuffle.SplitReceipt],
        types: pa.Schema,
        rejects: tuple[Reject, ...],
    ) -> Iterator[Part]:
        """A part a bucket, its pieces in the order of the files."""
        places: dict[int, list[shuffle.Place]] = {}
        for receipt in receipts:
            for bucket, found in receipt.spilled.items():
                places.setdefault(bucket, []).extend(found)
        for bucket in sorted(places):
            yield Bucket(
                source=self._source,
                places=tuple(places[bucket]),
                types=types,
                batch_bytes=self._settings.read.batch_bytes,
                bounds=self._bounds,
                rejects=rejects,
            )
            rejects = ()

    def _held(
        self, pieces: Sequence[shuffle.Piece], types: pa.Schema, rejects: tuple[Reject, ...]
    ) -> Iterator[Part]:
        """Ranges of requests, one a worker, over the same pieces."""
        requests = shuffle.requests_of(pieces, types)
        workers = self._settings.workers
        cuts = [requests.arrived * i // workers for i in range(workers + 1)]
        for start, stop in pairwise(sorted(set(cuts)) if requests.arrived else (0, 0)):
            yield Held(
                source=self._source,
                requests=requests,
                start=start,
                stop=stop,
                batch_bytes=self._settings.read.batch_bytes,
                bounds=self._bounds,
                rejects=rejects,
            )
            rejects = ()


def _same_ids(partitions: Sequence[Partition]) -> tuple[Partition, ...]:
    """Ids are texts in all files as soon as they are in one: 7 and "7" are the same request."""
    if all(part.detail(IDS) != TEXT for part in partitions):
        return tuple(partitions)
    return tuple(
        replace(part, details=(*((n, d) for n, d in part.details if n != IDS), (IDS, TEXT)))
        for part in partitions
    )


def _rows(partition: Partition) -> int:
    """Rows of the whole file, or lines: at least as many as it has events."""
    return int(partition.detail(readers.ROWS) or 0)
