"""What read, measure and summarize return: values around Arrow tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from sgengine import compute
from sgengine.aggregate import Section, SummarySettings, flat_group
from sgengine.api.show import Shown
from sgengine.readers import Batch, SourcePlan


@dataclass(frozen=True, kw_only=True, repr=False)
class Trace(Shown):
    """Deliveries in memory, as read: rows that break a rule are found when they are measured.

    ``deliveries``: the DELIVERIES table, dimensions last. ``plans``: what the sources say of
    themselves and their runs. ``batches``: the rows with their places at the source.
    """

    deliveries: pa.Table
    plans: tuple[SourcePlan, ...]
    batches: tuple[tuple[str, Batch], ...] = field(default=())

    def _shown(self) -> pa.Table:
        return self.deliveries


@dataclass(frozen=True, kw_only=True, repr=False)
class Measured(Shown):
    """A measured trace.

    ``requests``, ``gaps``, ``rejects``, ``runs``: tables of the schemas in ``sgengine.schema``.
    ``settings``: the reader and chunk rule. ``parts``: the measured batches, for the pooled
    inter-token latencies, which need the tokens; they share the trace's memory.
    """

    requests: pa.Table
    gaps: pa.Table
    rejects: pa.Table
    runs: pa.Table
    settings: compute.MeasureSettings
    stated_ns: dict[str, int]
    parts: tuple[compute.Measured, ...]

    def _shown(self) -> pa.Table:
        return self.requests


@dataclass(frozen=True, kw_only=True, repr=False)
class Summary(Shown):
    """Group figures: ``groups``, a dict a group as ``sgengine analyze --json`` prints it.

    ``windows``: the part of each run that was chosen, by run; None if all of each run counts.
    """

    groups: list[dict[str, Any]]
    settings: SummarySettings
    windows: dict[str, Section] | None = None

    @property
    def table(self) -> pa.Table:
        """One row a group: the ``by`` columns, then every figure by name.

        Latencies are in ms, ``ttft_p99_ms`` and so on; status counts are ``n_ok``, ``n_failed``, ...;
        NULL where a figure is undefined.
        """
        return pa.Table.from_pylist([flat_group(group) for group in self.groups])

    def _shown(self) -> pa.Table:
        return self.table
