"""The sources of an analysis: planned one by one, those that cannot be read set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sgengine.analyze.settings import AnalyzeSettings
from sgengine.errors import DataError
from sgengine.readers import Skipped, SourcePlan, find, plan


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A source that could not be read at all, among others that could."""

    source: str
    error: str


class Planned(NamedTuple):
    """What an analysis goes over, the files of folders and globs left out, and sources that failed."""

    plans: tuple[SourcePlan, ...]
    skipped: tuple[Skipped, ...] = ()
    failures: tuple[Failure, ...] = ()


def plan_sources(inputs: Sequence[str], settings: AnalyzeSettings) -> Planned:
    """Plan every source; one that cannot be read is a failure, unless it is all there is."""
    found = find(inputs, settings.read)
    plans: list[SourcePlan] = []
    failures: list[Failure] = []
    for source in found.sources:
        try:
            plans.append(plan(source, settings.read))
        except DataError as error:
            if len(found.sources) == 1:
                raise
            failures.append(Failure(source=source.path, error=str(error)))
    if not plans:
        raise DataError(f"none of {len(failures)} sources can be read: {failures[0].error}")
    return Planned(tuple(plans), found.skipped, tuple(failures))
