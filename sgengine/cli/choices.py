"""What the shared options say, in the user's spelling, and the settings that they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sgengine.objectives.sizes import parse_size

if TYPE_CHECKING:
    from sgengine.aggregate import SummarySettings
    from sgengine.aggregate.spelling import Objectives
    from sgengine.analyze import AnalyzeSettings
    from sgengine.readers import ReadOptions


@dataclass(frozen=True, kw_only=True)
class Work:
    """Where to work, and with how much memory, in the user's spelling."""

    on: str
    memory: str

    def work_settings(self) -> AnalyzeSettings:
        """Settings with these choices alone; UsageError for a value that is not allowed."""
        from sgengine.analyze import AnalyzeSettings
        from sgengine.executors import choose_executor

        return AnalyzeSettings(
            executor=choose_executor(self.on), memory_bytes=parse_size(self.memory)
        )


@dataclass(frozen=True, kw_only=True)
class Reading(Work):
    """What the options say of inputs and of where to work, in the user's spelling."""

    format: str | None
    system: str | None
    workload: str | None
    run: str | None
    origin: str | None
    mapping: str | None

    def read_options(self) -> ReadOptions:
        """How to read the inputs."""
        from sgengine.readers import ReadOptions

        return ReadOptions(
            format=self.format,
            system=self.system,
            workload=self.workload,
            run=self.run,
            origin=self.origin,
            mapping=self.mapping,
        )

    def source_settings(self) -> AnalyzeSettings:
        """Settings with these choices alone; UsageError for a value that is not allowed."""
        return replace(self.work_settings(), read=self.read_options())


@dataclass(frozen=True, kw_only=True)
class Choices(Reading):
    """What the shared options say, in the user's spelling."""

    speed: float | None
    first_token: str | None
    goodput: tuple[str, ...]
    denominator: str | None
    alpha: float | None
    penalty: str | None
    unfinished_idle: str | None
    preset: str | None
    by: str
    population: str
    itl_rule: str
    duration: str | None
    window: str | None
    trim: str | None
    steady: str | None

    def settings(self, *, every_column: bool, gaps: bool, hashed: bool = True) -> AnalyzeSettings:
        """The settings of an analysis; UsageError for a value that is not allowed.

        ``every_column``: all of REQUESTS is wanted, else what the figures need. ``gaps``: so is GAPS.
        ``hashed``: so are the digests of the files.
        """
        from sgengine.aggregate.spelling import resolve, summary_settings
        from sgengine.analyze import AnalyzeSettings
        from sgengine.compute import MeasureSettings
        from sgengine.executors import choose_executor

        aims = resolve(**self._words() | {"unfinished_idle": self.unfinished_idle or 0})
        return AnalyzeSettings(
            read=replace(self.read_options(), hashed=hashed),
            measure=MeasureSettings(
                reader=aims.reader,
                itl_rule=self.itl_rule,
                envelopes=every_column or _needs_envelopes(aims),
                smoothness=every_column or _needs_fluidity(aims),
                gaps=gaps,
            ),
            summary=summary_settings(
                aims, **self._conventions() | {"denominator": self.denominator or "all"}
            ),
            executor=choose_executor(self.on),
            memory_bytes=parse_size(self.memory),
            preset=self.preset,
        )

    def settings_over(self, recorded: SummarySettings) -> AnalyzeSettings:
        """The settings of an analysis of stored requests: what is not given is as ``recorded``."""
        from sgengine.aggregate.spelling import summary_over

        summary = summary_over(recorded, self._words(), self._conventions())
        return replace(self.work_settings().scoring(summary), preset=self.preset)

    def _words(self) -> dict[str, Any]:
        """What is said of the objectives."""
        return {
            "speed": self.speed,
            "first_token": self.first_token,
            "alpha": self.alpha,
            "penalty": self.penalty,
            "unfinished_idle": self.unfinished_idle,
            "goodput": self.goodput,
            "preset": self.preset,
        }

    def _conventions(self) -> dict[str, Any]:
        """What is said of groups, and of how they are counted."""
        return {
            "by": self.by,
            "denominator": self.denominator,
            "population": self.population,
            "itl_rule": self.itl_rule,
            "duration": self.duration,
            "window": self.window,
            "trim": self.trim,
            "steady": self.steady,
        }


def _needs_envelopes(aims: Objectives) -> bool:
    """Whether a pace clause is of another reader than the measured one."""
    pace = aims.slo.pace if aims.slo else None
    measured = (aims.reader.first_ns, aims.reader.pace_ns)
    return pace is not None and (pace.first_ns, pace.pace_ns) != measured


def _needs_fluidity(aims: Objectives) -> bool:
    return aims.target is not None and aims.target.metric == "fluidity"
