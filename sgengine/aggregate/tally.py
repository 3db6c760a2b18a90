"""What group figures are made of: sums that are added up batch by batch, and numbers kept for percentiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.attainment import Scores, score
from sgengine.aggregate.benefits import benefits, known_benefits
from sgengine.aggregate.exact_sum import exact_sum
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.table import Requests
from sgengine.compute.ragged import frozen
from sgengine.kernels import totals as kernel
from sgengine.kernels.sums import N_SUM
from sgengine.objectives import Benefit

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Float64s = npt.NDArray[np.float64]

NUMBERS = {
    "ttft": kernel.TTFT,
    "tpot": kernel.TPOT,
    "e2e": kernel.E2E,
    "idle": kernel.IDLE,
}
"""The numbers that are kept of each request, ns, by name: rows of what the kernel writes."""

_DENOMINATORS = {
    "all": kernel.ALL,
    "sent": kernel.ALL,
    "completed": kernel.COMPLETED,
    "determined": kernel.DETERMINED,
}
_NONE: Int8s = np.zeros(0, dtype=np.int8)
_ALL: Int64s = np.zeros(0, dtype=np.int64)


@dataclass(kw_only=True)
class Totals:
    """Of one group: counts (N_TOTALS,) and the exact sums (3, N_SUM) of benefits and their bounds."""

    counts: Int64s = field(default_factory=lambda: np.zeros(kernel.N_TOTALS, dtype=np.int64))
    sums: Int64s = field(default_factory=lambda: np.zeros((3, N_SUM), dtype=np.int64))

    def merge(self, other: Totals) -> None:
        """Take in other requests of the group."""
        self.counts += other.counts
        self.sums += other.sums

    @property
    def statuses(self) -> list[int]:
        """Requests of each status."""
        found: list[int] = self.counts[: kernel.N_STATUSES].tolist()
        return found

    def count(self, column: int) -> int:
        """One of the counts, a column of kernels.totals."""
        return int(self.counts[column])

    def known(self, column: int, unknown: int) -> int | None:
        """A sum, or None if any value is NULL: never a sum over the rest."""
        return None if self.counts[unknown] else int(self.counts[column])

    def benefit(self) -> float | None:
        """The exactly rounded sum, None if any request's is NULL."""
        return exact_sum(self.sums[0])

    def benefit_bounds(self) -> tuple[float | None, float | None]:
        """The least and the most that it can be."""
        return exact_sum(self.sums[1]), exact_sum(self.sums[2])


@dataclass(frozen=True, kw_only=True)
class Tallied:
    """One batch by group: the totals of each, and each one's ``NUMBERS`` (S,) float64 ns, by name."""

    totals: list[Totals]
    numbers: list[Mapping[str, Float64s]]


def tally(
    requests: Requests,
    settings: SummarySettings,
    rows: list[Int64s],
    *,
    scores: Scores | None = None,
    only_ok: bool,
) -> Tallied:
    """Sum a batch up; ``rows`` of each group, in order. ``scores``: as the settings' SLO has them, if known."""
    assert int(requests.status.min(initial=0)) >= 0, "rows of an unknown status are rejected"
    if scores is None and settings.slo is not None:
        scores = score(requests, settings.slo, settings.reader)
    values = _benefits(requests, settings.benefit)
    groups = len(rows)
    all_in_one = groups == 1 and rows[0].size == requests.n.size
    counts = np.zeros((groups, kernel.N_TOTALS), dtype=np.int64)
    sums = np.zeros((groups, len(values), N_SUM), dtype=np.int64)
    numbers = np.empty((kernel.N_NUMBERS, requests.n.size))
    cuts = np.array([0, *accumulate(mine.size for mine in rows)], dtype=np.int64)
    ends = np.empty((groups, kernel.N_NUMBERS), dtype=np.int64)
    run: Callable[..., None] = kernel.summarize
    run(
        frozen(_ALL if all_in_one else np.concatenate(rows)),
        frozen(cuts),
        *_columns(requests),
        frozen(scores.attained if scores else _NONE),
        frozen(scores.undetermined.view(np.int8) if scores else _NONE),
        frozen(_fluid(requests, settings)),
        frozen(values),
        _DENOMINATORS[settings.denominator],
        only_ok,
        counts,
        sums,
        numbers,
        ends,
    )
    return Tallied(
        totals=[
            Totals(counts=mine, sums=sum_ if len(sum_) == 3 else np.repeat(sum_, 3, axis=0))
            for mine, sum_ in zip(counts, sums, strict=True)
        ],
        numbers=[
            {name: numbers[c, cuts[g] : ends[g, c]] for name, c in NUMBERS.items()}
            for g in range(groups)
        ],
    )


def _columns(requests: Requests) -> tuple[Any, ...]:
    """The kernel's third to tenth arguments."""
    columns = (
        requests.status,
        requests.n,
        requests.n_input,
        requests.n_chunks,
        requests.late,
        requests.ttft,
        requests.e2e,
        requests.idle,
    )
    return tuple(frozen(column) for column in columns)


def _benefits(requests: Requests, value: Benefit) -> Float64s:
    """Each request's benefit (1, R), or (3, R) with the least and the most where some have bounds."""
    known = known_benefits(requests, value)
    if known is not None:
        return known[np.newaxis]
    exact, low, high = requests.idle, requests.idle_min, requests.idle_max
    benefit = benefits(requests, exact, value)
    if not ((exact < 0) & ((low >= 0) | (high >= 0))).any():
        return benefit[np.newaxis]
    least, most = (benefits(requests, np.where(exact >= 0, exact, at), value) for at in (high, low))
    return np.stack([benefit, least, most])


def _fluid(requests: Requests, settings: SummarySettings) -> Int8s:
    """1, 0, or -1 where fluidity is NULL; nothing unless a target asks for it."""
    target = settings.target
    if target is None or target.metric != "fluidity" or target.at_least is None:
        return _NONE
    column = requests.batch.column("fluidity")
    values = column.fill_null(-1.0).to_numpy(zero_copy_only=False)
    return np.where(values < 0, -1, values >= target.at_least).astype(np.int8)
