"""``gate``: one night of a store beside the nights before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import side_rows
from sgengine.analyze.stored_files import Wanted
from sgengine.gate.baseline import Limits, judge
from sgengine.gate.figures import Figures, NightFigures, figures_of
from sgengine.gate.metrics import Metric, chosen_metrics
from sgengine.gate.nights import Comparison, check_night, compare_nights
from sgengine.gate.result import GateResult, Vanished, Verdict
from sgengine.store import Snapshot


def gate(
    snapshot: Snapshot,
    day: date,
    *,
    job: str | None = None,
    limits: Limits | None = None,
    metrics: Sequence[Metric] | None = None,
    settings: AnalyzeSettings | None = None,
) -> GateResult:
    """Compare the night ``day`` of every job, or of ``job``, with its trailing baseline.

    ``settings`` say where to work and with how much memory. The baseline of a night are the last
    nights of its job that were scored with the same reader, benefit, SLO, classes and denominator.
    Raises DataError if the night is not in the store.
    """
    limits = limits or Limits()
    chosen = tuple(metrics if metrics is not None else chosen_metrics())
    check_night(snapshot.nights, day, job)
    earlier = Wanted(job=job, until=day)
    nights, classes = (side_rows(snapshot, table, earlier) for table in ("nights", "classes"))
    comparisons = compare_nights(nights, classes, day, limits)
    verdicts: list[Verdict] = []
    vanished: list[Vanished] = []
    for comparison in comparisons:
        figures = figures_of(snapshot, comparison, settings or AnalyzeSettings())
        verdicts += judged(comparison, figures, chosen, limits)
        vanished += gone(comparison, figures, limits)
    return GateResult(
        day=day,
        limits=limits,
        metrics=chosen,
        comparisons=tuple(comparisons),
        verdicts=tuple(verdicts),
        vanished=tuple(vanished),
    )


def judged(
    comparison: Comparison, figures: NightFigures, metrics: Sequence[Metric], limits: Limits
) -> Iterator[Verdict]:
    """The verdict on every metric of every group of the night, but for figures that no night has."""
    tonight = figures.get(comparison.night["day"], {})
    past = [figures.get(row["day"], {}) for row in comparison.baseline]
    for group, mine in sorted(tonight.items()):
        for metric in metrics:
            baseline = [_value(metric, night.get(group)) for night in past]
            if not any(group in night for night in past):
                baseline = []
            found = judge(metric, mine.get(metric.name), baseline, limits)
            if found.verdict != "absent":
                yield Verdict(job=comparison.job, group=group, metric=metric, judgement=found)


def _value(metric: Metric, figures: Figures | None) -> float | None:
    """A figure of a group in one night; a group that is not there has 0 requests, and no figure."""
    if figures is None:
        return 0 if metric.name == "requests" else None
    return figures.get(metric.name)


def gone(comparison: Comparison, figures: NightFigures, limits: Limits) -> Iterator[Vanished]:
    """The groups that more than half of the baseline has, and the night has not."""
    days = [row["day"] for row in comparison.baseline]
    if len(days) < limits.least_nights:
        return
    known = {group for day in days for group in figures.get(day, {})}
    for group in sorted(known - figures.get(comparison.night["day"], {}).keys()):
        nights = sum(group in figures.get(day, {}) for day in days)
        if nights > len(days) / 2:
            yield Vanished(job=comparison.job, group=group, nights=nights, of=len(days))
