"""sgengine's own figures of a file, a run each, to stand beside the client's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sgengine.aggregate import SummarySettings
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.compute import MeasureSettings
from sgengine.errors import SgengineError, UsageError
from sgengine.objectives import Slo, parse_slo


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The figures by run in the order of the file; none with the reason in ``note``."""

    groups: tuple[Mapping[str, object], ...] = ()
    note: str | None = None

    def of(self, place: int | None, runs: int) -> Mapping[str, object] | None:
        """The figures of a run; None unless the file has as many for us."""
        return None if place is None or len(self.groups) != runs else self.groups[place]


def figures_of(path: str, slo: Sequence[str]) -> Ours:
    """What ``sgengine analyze`` says of the file by run, under the file's SLO; never raises."""
    settings = AnalyzeSettings(
        measure=MeasureSettings(envelopes=False, smoothness=False, gaps=False),
        summary=SummarySettings(by=("run",), slo=_slo(slo)),
    )
    try:
        analysis = analyze([path], settings)
    except SgengineError as error:
        return Ours(note=f"no figures of ours: {str(error).removeprefix(path).strip()}")
    order = [run["run"] for run in analysis.runs.to_pylist()]
    by_run = {group["run"]: group for group in analysis.groups}
    return Ours(groups=tuple(by_run[run] for run in order if run in by_run))


def _slo(clauses: Sequence[str]) -> Slo | None:
    try:
        return parse_slo(list(clauses)) if clauses else None
    except UsageError:
        return None
