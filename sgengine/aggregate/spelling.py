"""Keyword arguments in a user's spelling -> the frozen settings that the engine takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sgengine.aggregate.selection import choose
from sgengine.aggregate.settings import DEFAULT_BY, SummarySettings
from sgengine.errors import UsageError
from sgengine.objectives import (
    DEFAULT_READER,
    Benefit,
    Reader,
    Slo,
    Target,
    parse_duration_ns,
    parse_penalty,
    parse_slo,
)
from sgengine.objectives import preset as preset_of

Duration = str | int | float
"""A duration as a text with a unit (``"500ms"``), or a number of milliseconds."""

Share = bool | float | str
"""A share of the peak, True for the default one."""


def duration_ns(value: Duration, what: str) -> int:
    """Whole ns of a duration; UsageError, naming ``what``, for anything else."""
    return parse_duration_ns(str(value), what)


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """Reader, benefit, SLO and target, resolved from options and an optional preset."""

    reader: Reader
    benefit: Benefit
    slo: Slo | None
    target: Target | None
    preset: str | None


def resolve_reader(
    speed: float | None = None,
    first_token: Duration | None = None,
    preset_name: str | None = None,
) -> Reader:
    """The reader of ``speed`` tokens a second, else of the preset, else the default one.

    A given ``speed`` replaces the preset's whole reader; ``first_token`` alone keeps its pace.
    """
    base = preset_of(preset_name).reader if preset_name else DEFAULT_READER
    if speed is not None:
        base = Reader.from_speed(speed, skip_first=base.skip_first)
    if first_token is None:
        return base
    first = duration_ns(first_token, "first token")
    return Reader(pace_ns=base.pace_ns, first_ns=first, skip_first=base.skip_first)


def resolve_slo(goodput: str | Iterable[str] | Slo | None) -> Slo | None:
    """The SLO of clauses in the field's spelling, as text or texts; None for none."""
    if goodput is None or isinstance(goodput, Slo):
        return goodput
    words = [goodput] if isinstance(goodput, str) else list(goodput)
    return parse_slo(words) if words else None


def resolve_benefit(
    alpha: float | None = None, penalty: str | None = None, unfinished_idle: Duration = 0
) -> Benefit:
    """The benefit function of ``NAME[:TAU]``; alpha has a default for ``linear`` alone."""
    name, tau_ns = parse_penalty(penalty or "linear")
    unfinished = duration_ns(unfinished_idle, "unfinished idle")
    if alpha is not None and math.isnan(alpha):
        raise UsageError("alpha is nan: give a number of 0 or more")
    weight = {} if alpha is None else {"alpha": float(alpha)}
    return Benefit(penalty=name, tau_ns=tau_ns, unfinished_idle_ns=unfinished, **weight)


def resolve(
    *,
    speed: float | None = None,
    first_token: Duration | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration = 0,
    goodput: str | Iterable[str] | Slo | None = None,
    preset: str | None = None,
) -> Objectives:
    """All objectives at once; what is given replaces that part of the preset."""
    named = preset_of(preset) if preset else None
    slo = resolve_slo(goodput)
    return Objectives(
        reader=resolve_reader(speed, first_token, preset),
        benefit=resolve_benefit(alpha, penalty, unfinished_idle),
        slo=slo if slo is not None else (named.slo if named else None),
        target=named.target if named and slo is None else None,
        preset=preset,
    )


def resolve_over(
    recorded: SummarySettings,
    *,
    speed: float | None = None,
    first_token: Duration | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration | None = None,
    goodput: str | Iterable[str] | Slo | None = None,
    preset: str | None = None,
) -> Objectives:
    """All objectives at once; of reader, benefit and SLO, what nothing is given of is as ``recorded``."""
    given = resolve(
        speed=speed,
        first_token=first_token,
        alpha=alpha,
        penalty=penalty,
        unfinished_idle=unfinished_idle or 0,
        goodput=goodput,
        preset=preset,
    )
    has_reader = speed is not None or preset is not None
    has_benefit = any(part is not None for part in (alpha, penalty, unfinished_idle))
    reader = given.reader if has_reader else recorded.reader
    if first_token is not None and not has_reader:
        first = duration_ns(first_token, "first token")
        reader = Reader(pace_ns=reader.pace_ns, first_ns=first)
    return Objectives(
        reader=reader,
        benefit=given.benefit if has_benefit else recorded.benefit,
        slo=given.slo if given.slo is not None or preset is not None else recorded.slo,
        target=given.target,
        preset=preset,
    )


def resolve_by(by: str | Iterable[str] | None) -> tuple[str, ...]:
    """Column names of ``by``: a text with commas, or names; the default for None."""
    if by is None:
        return DEFAULT_BY
    parts = by.split(",") if isinstance(by, str) else list(by)
    named = tuple(part.strip() for part in parts if part.strip())
    if isinstance(by, str) and by.strip() and not named:
        raise UsageError(f"by is '{by}': give column names, split by commas")
    return named


def summary_settings(
    objectives: Objectives,
    *,
    by: str | Iterable[str] | None = None,
    denominator: str = "all",
    population: str = "defined",
    itl_rule: str = "chunk",
    duration: Duration | None = None,
    window: str | None = None,
    trim: str | None = None,
    steady: Share | None = None,
) -> SummarySettings:
    """The settings of a summary under these objectives; at most one of the last three is given."""
    return SummarySettings(
        by=resolve_by(by),
        reader=objectives.reader,
        benefit=objectives.benefit,
        slo=objectives.slo,
        target=objectives.target,
        denominator=denominator,
        population=population,
        itl_rule=itl_rule,
        duration_ns=None if duration is None else duration_ns(duration, "duration"),
        selection=choose(window, trim, steady),
    )


def summary_over(
    recorded: SummarySettings, objectives: Mapping[str, Any], conventions: Mapping[str, Any]
) -> SummarySettings:
    """The settings of a summary of stored requests: what is not given, or None, is as ``recorded``.

    ``objectives``: keywords of ``resolve_over``; ``conventions``: of ``summary_settings``. What no
    night records (``by``, ``population``, ...) has its default.
    """
    given = {name: value for name, value in conventions.items() if value is not None}
    kept: dict[str, Any] = {}
    if "denominator" not in given:
        kept["denominator"] = recorded.denominator
    if "duration" not in given:
        kept["duration_ns"] = recorded.duration_ns
    return replace(summary_settings(resolve_over(recorded, **objectives), **given), **kept)
