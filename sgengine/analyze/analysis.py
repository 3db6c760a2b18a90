"""What an analysis comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from sgengine.aggregate import Section
from sgengine.analyze.plans import Failure
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.readers import Skipped


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The store that requests were read from: its place, its version, and NIGHTS of what was read."""

    root: str
    version: int
    nights: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The outcome of one analysis.

    ``groups``: a dict a group, as ``--json`` prints it. ``requests``: the REQUESTS table, or None if it
    was not asked for. ``gaps``: the GAPS table, or None. ``said``: makes the RUNS table, ``said_daily``
    the same by day of arrival: with ``runs`` and ``daily_runs`` they are made once they are asked for,
    for of a small trace they took a tenth of its time. ``failures``: sources that could not be read.
    ``windows``: the part of each run that was chosen, by run; None if all of each run counts.
    ``stored``: the store that the requests are from; None if they were measured now.
    """

    settings: AnalyzeSettings
    groups: list[dict[str, object]]
    requests: pa.Table | None
    gaps: pa.Table | None
    said: Callable[[], pa.Table]
    said_daily: Callable[[], Mapping[int | None, pa.Table]]
    rejected: tuple[Rejected, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[Failure, ...]
    windows: Mapping[str, Section] | None = None
    stored: Stored | None = None

    @cached_property
    def runs(self) -> pa.Table:
        """The RUNS table."""
        return self.said()

    @cached_property
    def daily_runs(self) -> Mapping[int | None, pa.Table]:
        """RUNS by day of arrival, for those who keep days apart (RunLedger.daily)."""
        return self.said_daily()

    @property
    def rejects(self) -> pa.Table:
        """The REJECTS table."""
        return rejects_table(list(self.rejected))

    @property
    def is_clean(self) -> bool:
        """Whether every row was measured, but for those that the source marks as not meant to be."""
        return not self.failures and not any(reject.is_error for reject in self.rejected)
