"""What a nightly job is: where its inputs are, how they are measured, and where results go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sgengine.aggregate import SummarySettings
from sgengine.analyze import AnalyzeSettings
from sgengine.readers import ReadOptions


@dataclass(frozen=True, kw_only=True)
class JobSource:
    """Files that are read alike.

    ``files``: patterns, absolute, with ``{day}`` where the day stands. ``zone``: that of the days in
    the files' names. ``is_required``: a night without one of its files is an error.
    """

    name: str
    files: tuple[str, ...]
    zone: tzinfo
    is_required: bool
    read: ReadOptions


@dataclass(frozen=True, kw_only=True)
class SloClass:
    """The objectives of the requests of a workload, a tenant, or a tenant's workload; None: of any."""

    name: str
    workload: str | None
    tenant: str | None
    objectives: SummarySettings


@dataclass(frozen=True, kw_only=True)
class JobOutput:
    """A file that is written: of each night if ``{day}`` is in its path, else of all of the job."""

    format: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A nightly job, as its configuration says.

    ``zone`` of its nights, with its ``zone_name``. ``grace_ns``: how long after its end a night is
    still listened to. ``nights``: how many a run looks at that is told no day. ``is_window``: rates
    divide by the length of the night, else by what each run took. ``allows_rejects``: rows that cannot
    be measured are no reason for exit code 1. ``classes`` most particular first. ``path`` of the
    configuration, and ``given``, what it says.
    """

    path: str
    store: str
    name: str
    zone: tzinfo
    zone_name: str
    grace_ns: int
    nights: int
    is_window: bool
    allows_rejects: bool
    settings: AnalyzeSettings
    sources: tuple[JobSource, ...]
    classes: tuple[SloClass, ...]
    outputs: tuple[JobOutput, ...]
    given: Mapping[str, Any]
