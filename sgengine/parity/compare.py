"""The figures of a run beside their recomputed values: every number that the file states is a row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Closed, Figure, Settings, placed
from sgengine.parity.result import BOUNDED, MATCH, MISMATCH, OPEN, Row
from sgengine.parity.statistics import SPREADS, Population

NOISE = 1e-12
"""Spreads of nearly equal values are rounding errors: this times the largest value (squared for a
variance) counts as nothing."""

EQUAL = "ours equals it"
SAME = 1e-9
"""Ours and a stated figure that differ by less, relatively, are equal but for rounding."""

NO_RULE = "sgengine knows no rule of the client's for it"


class _Place(NamedTuple):
    path: str
    value: float
    figure: Figure
    statistic: str | None
    source: str
    status: str | None

    @property
    def is_headline(self) -> bool:
        """Of all requests or of those that went well, and not of the others."""
        return self.figure.headline and self.status in (None, "successful")


def rows(evidence: Evidence, ours: Mapping[str, object] | None) -> tuple[Row, ...]:
    """A row a stated figure, in the order of the file; those not recomputable by reason.

    ``ours``: the figures of ``sgengine analyze`` for the run. Raises FormatError for a figure that
    is no number.
    """
    found: list[Row] = []
    closed: dict[tuple[str, str], int] = {}
    populations: dict[tuple[str, bool], Population] = {}
    for path, value in leaves(evidence.stated):
        row = _row(evidence, ours, populations, path, value)
        if row is None:
            continue
        key = (row.name, row.reason)
        if row.verdict == OPEN and key in closed:
            first = found[closed[key]]
            found[closed[key]] = _one_more(first)
            continue
        if row.verdict == OPEN:
            closed[key] = len(found)
        found.append(row)
    return tuple(found)


def _one_more(row: Row) -> Row:
    return replace(row, count=row.count + 1)


def leaves(tree: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Every value of nested objects with its place; lists hold no figures."""
    for key, value in tree.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}/")
        elif not isinstance(value, list) and value is not None:
            yield path, value


def number(value: object) -> float | None:
    """A number, also one written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _row(
    evidence: Evidence,
    ours: Mapping[str, object] | None,
    populations: dict[tuple[str, bool], Population],
    path: str,
    value: object,
) -> Row | None:
    """The row of one place, None where no figure is stated."""
    stated = number(value)
    for rule in evidence.profile.rules:
        names = placed(rule, path)
        if names is None:
            continue
        statistic = evidence.profile.statistic(names["s"]) if "s" in names else None
        if "s" in names and statistic is None:
            continue
        if isinstance(rule, Settings):
            return None
        if isinstance(rule, Closed):
            return _open(path, rule.at[0], value, rule.reason)
        source = rule.source.format(**names)
        reason = _unknown(evidence, source, statistic)
        if reason is None:
            continue
        if stated is None:
            _refuse(evidence, path, value)
        assert stated is not None
        if not math.isfinite(stated):
            return None
        place = _Place(path, stated, rule, statistic, source, names.get("status"))
        if reason:
            return _open(path, rule.name, value, reason)
        return _compared(evidence, ours, populations, place)
    above = f"{path.rpartition('/')[0]}/*".lstrip("/") if "/" in path else path
    return None if isinstance(value, bool) else _open(path, above, value, NO_RULE)


def _refuse(evidence: Evidence, path: str, value: object) -> None:
    shown = " ".join(str(value).split())[:40]
    raise FormatError(
        f"{evidence.summary_path or evidence.run} has '{shown}' as {path}; allowed is a number: the "
        "summary is damaged, take it from the client again"
    )


def _unknown(evidence: Evidence, source: str, statistic: str | None) -> str | None:
    """Why the source is not there: '' if it is, None if the run has nothing to do with it."""
    held = evidence.samples if statistic is not None else evidence.numbers
    if source in held:
        return ""
    return evidence.unknown.get(source, evidence.unknown.get("*"))


def _open(path: str, name: str, value: object, reason: str) -> Row | None:
    """A row for what is not recomputed; None for texts, which are no figures."""
    stated = None if isinstance(value, str) else number(value)
    if stated is None or not math.isfinite(stated):
        return None
    return Row(figure=path, name=name, stated=stated, verdict=OPEN, reason=reason)


def _compared(
    evidence: Evidence,
    ours: Mapping[str, object] | None,
    populations: dict[tuple[str, bool], Population],
    place: _Place,
) -> Row:
    figure = place.figure
    if place.statistic is None:
        low, high, scale = _of_number(evidence.numbers[place.source], place.value)
    else:
        bounds = _of_samples(evidence.samples[place.source], populations, place)
        if bounds is None:
            return Row(
                figure=place.path,
                name=figure.name,
                stated=place.value,
                verdict=OPEN,
                reason=_no_values(evidence.samples[place.source]),
                headline=place.is_headline,
            )
        low, high, scale = bounds
    slack = _slack(place, low, high, scale)
    inside = low - slack <= place.value <= high + slack
    exact = low == high
    beside = _our_value(place, ours, evidence.scale)
    return Row(
        figure=place.path,
        name=figure.name,
        stated=place.value,
        statistic=place.statistic,
        verdict=(MATCH if exact else BOUNDED) if inside else MISMATCH,
        recomputed=low,
        recomputed_max=None if exact else high,
        difference=_difference(place.value, low) if exact else None,
        tolerance=figure.tolerance.share(place.statistic),
        ours=beside,
        why=figure.why if beside is None or _difference(place.value, beside) > SAME else EQUAL,
        reason=figure.tolerance.reason,
        headline=place.is_headline,
    )


def _no_values(samples: Samples) -> str:
    if samples.values.size == 0:
        return "no request of the file has a value"
    return "the file bounds each value from below alone, which says nothing of this statistic"


def _of_number(made: Number, stated: float) -> tuple[float, float, float]:
    """Bounds and no scale; of several candidates the one nearest to what is stated."""
    if made.high is not None:
        return made.low, made.high, 0.0
    nearest = min((made.low, *made.others), key=lambda value: abs(value - stated))
    return nearest, nearest, 0.0


def _of_samples(
    samples: Samples, populations: dict[tuple[str, bool], Population], place: _Place
) -> tuple[float, float, float] | None:
    """Bounds of the statistic, and the scale of the values; None if it has no value."""
    assert place.statistic is not None
    population = _population(samples, populations, place, upper=False)
    low = population.get(place.statistic)
    if population.values.size == 0 and place.figure.empty is not None:
        low = place.figure.empty if place.statistic != "count" else low
    if low is None:
        return None
    if samples.upper is None or place.statistic == "count":
        return low, low, population.scale
    if place.statistic in (*SPREADS, "mode"):
        return _spread(samples, population.scale, low)
    if not np.isfinite(samples.upper).all():
        return low, math.inf, population.scale
    above = _population(samples, populations, place, upper=True)
    high = above.get(place.statistic)
    return None if high is None else (low, high, population.scale)


def _spread(samples: Samples, scale: float, low: float) -> tuple[float, float, float] | None:
    """A standard deviation moves by no more than the values do."""
    assert samples.upper is not None
    most = float((samples.upper - samples.values).max())
    return (max(0.0, low - most), low + most, scale) if math.isfinite(most) else None


def _population(
    samples: Samples,
    populations: dict[tuple[str, bool], Population],
    place: _Place,
    *,
    upper: bool,
) -> Population:
    key = (f"{place.figure.percentile}/{place.figure.ddof}/{place.source}", upper)
    if key not in populations:
        values = samples.upper if upper and samples.upper is not None else samples.values
        populations[key] = Population.of(
            values,
            weights=samples.weights,
            method=place.figure.percentile,
            ddof=place.figure.ddof,
            count=samples.count,
            plain=samples.plain,
        )
    return populations[key]


def _slack(place: _Place, low: float, high: float, scale: float) -> float:
    tolerance = place.figure.tolerance
    finite = [abs(value) for value in (place.value, low, high) if math.isfinite(value)]
    noise = {"std": NOISE * scale, "variance": NOISE * scale * scale}.get(place.statistic or "", 0)
    return max(tolerance.share(place.statistic) * max(finite), tolerance.absolute, noise)


def _difference(stated: float, made: float) -> float:
    """Relative to the larger of the two; 0 for equal ones."""
    larger = max(abs(stated), abs(made))
    return 0.0 if larger == 0 else abs(stated - made) / larger


def _our_value(place: _Place, ours: Mapping[str, object] | None, scale: float) -> float | None:
    """Our figure in the client's unit; a single number stands beside a mean."""
    figure = place.figure
    if ours is None or figure.ours is None:
        return None
    if figure.ours_of and place.status not in figure.ours_of:
        return None
    value: object = ours
    for key in figure.ours.split("/"):
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):
        value = value.get((place.statistic or "").replace(".", "_"))
        scale = 1.0 if place.statistic == "count" else scale * figure.scale
    elif place.statistic in (None, "mean"):
        scale = scale * figure.scale
    else:
        return None
    made = None if value is None else number(value)
    return None if made is None else made * scale
