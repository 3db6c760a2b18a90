"""What a client's files say of one run, and what its figures can be recomputed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sgengine.parity.profile import Profile
from sgengine.parity.statistics import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The values of one quantity, in the unit that the client states figures of it in.

    ``upper``: where the file gives bounds alone, ``values`` are the lower ones and these the upper;
    infinite where there are none. ``count`` replaces the number of values. ``plain``: see
    ``Population``.
    """

    values: Floats
    weights: Floats | None = None
    upper: Floats | None = None
    count: float | None = None
    plain: bool = False


@dataclass(frozen=True, kw_only=True)
class Number:
    """One recomputed value; with ``high``, a lower and an upper bound of it.

    ``others``: what it may be instead, by a rule of another build that the file does not tell apart.
    """

    low: float
    high: float | None = None
    others: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One run of a client.

    ``stated``: the summary as the file has it, without the requests. ``unknown``: sources that this
    run cannot give, and why; under ``*`` for all. ``slo``: the clauses that the file states, as
    ``--goodput`` takes them. ``place``: which of the file's runs it is, from 0; None: a part of one
    that rows of ours are not told apart by. ``scale``: a factor on ours for files that choose their unit.
    """

    run: str
    profile: Profile
    version: str
    stated: Mapping[str, object]
    samples: Mapping[str, Samples] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    slo: tuple[str, ...] = ()
    place: int | None = 0
    scale: float = 1.0
    summary_path: str | None = None
