"""All that an analysis depends on, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sgengine.aggregate import SummarySettings
from sgengine.analyze.night import Night
from sgengine.compute import MeasureSettings
from sgengine.errors import UsageError
from sgengine.executors import Executor, choose_executor
from sgengine.readers import ReadOptions

DEFAULT_MEMORY = 1 << 30
MIN_MEMORY = 64 << 20
_LARGEST_BATCH = 16 << 20
"""Twice as much took no less time, half as much 12 % more."""


@dataclass(frozen=True, kw_only=True)
class AnalyzeSettings:
    """How to read, measure and summarise; where to work; and how much memory that may take.

    ``memory_bytes`` bounds what grows with the input: batches of tokens, ITL samples, and the numbers
    kept of each request. ``preset`` is the name that the objectives came from, for the record.
    ``night``: only the requests that arrive in it; None: all of them.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    summary: SummarySettings = field(default_factory=SummarySettings)
    executor: Executor = field(default_factory=choose_executor)
    memory_bytes: int = DEFAULT_MEMORY
    preset: str | None = None
    night: Night | None = None

    def __post_init__(self) -> None:
        if self.memory_bytes < MIN_MEMORY:
            raise UsageError(
                f"memory is {self.memory_bytes} bytes: give {MIN_MEMORY >> 20} MiB or more"
            )
        if self.night is not None and self.summary.selection is not None:
            raise UsageError("a night is a window of its own: leave out window, trim and steady")
        if self.measure.reader != self.summary.reader:
            raise UsageError("the summary's reader is not the measured one: give one reader")
        if self.measure.itl_rule != self.summary.itl_rule:
            raise UsageError("the summary's itl rule is not the measured one: give one rule")

    def scoring(self, summary: SummarySettings) -> AnalyzeSettings:
        """The same work with another summary, measured for its reader and by its chunk rule."""
        measure = replace(self.measure, reader=summary.reader, itl_rule=summary.itl_rule)
        return replace(self, measure=measure, summary=summary)

    @property
    def workers(self) -> int:
        """Partitions worked on at the same time."""
        return getattr(self.executor, "workers", 1)

    @property
    def batch_bytes(self) -> int:
        """Tokens of one batch: each worker holds the batch, its decoded pages and its samples."""
        return min(_LARGEST_BATCH, self.memory_bytes // (16 * self.workers))

    @property
    def bucket_bytes(self) -> int:
        """Of an event log that does not fit: one bucket of it, for each worker puts one together."""
        return self.memory_bytes // (8 * self.workers)

    @property
    def share_bytes(self) -> int:
        """What the pool of samples may hold, in a part or in the whole; the kept numbers a 32nd of it."""
        return self.memory_bytes // 4

    @property
    def carried_bytes(self) -> int:
        """Of samples, what a worker takes along from part to part; sums with more are merged first."""
        return self.share_bytes // (4 * self.workers)
