"""What is kept of each request until its group is summarised: a few numbers, no tokens."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.attainment import NO, Scores, score
from sgengine.aggregate.benefits import benefits
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.table import Requests
from sgengine.objectives import Benefit

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Of R requests, (R,) each: -1 for NULL in integers, NaN in benefits (inside this package alone).

    ``attained``, ``undetermined``: as in ``attainment``; ``fluid``: 1, 0, or -1 where fluidity is NULL.
    """

    status: npt.NDArray[np.int8]
    n: npt.NDArray[np.int32]
    n_input: npt.NDArray[np.int32]
    n_chunks: npt.NDArray[np.int32]
    late: npt.NDArray[np.int32]
    ttft: Int64s
    e2e: Int64s
    idle: Int64s
    attained: npt.NDArray[np.int8]
    undetermined: npt.NDArray[np.bool_]
    fluid: npt.NDArray[np.int8]
    benefit: Float64s
    benefit_min: Float64s
    benefit_max: Float64s

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(getattr(self, name).nbytes for name in names())

    def of(self, rows: Int64s) -> Kept:
        """These of some rows."""
        return Kept(**{name: getattr(self, name)[rows] for name in names()})


@cache
def names() -> tuple[str, ...]:
    """Names of the columns kept."""
    return tuple(f.name for f in fields(Kept))


def keep(requests: Requests, settings: SummarySettings) -> Kept:
    """The numbers of one batch, scored under the settings' objectives."""
    rows = requests.n.size
    slo = settings.slo
    scores = Scores(
        attained=np.full(rows, NO, dtype=np.int8), undetermined=np.zeros(rows, dtype=np.bool_)
    )
    if slo is not None:
        scores = score(requests, slo, settings.reader)
    exact = requests.idle
    benefit, least, most = _benefits(requests, settings.benefit)
    return Kept(
        status=requests.status.astype(np.int8),
        n=requests.n.astype(np.int32),
        n_input=requests.n_input.astype(np.int32),
        n_chunks=requests.n_chunks.astype(np.int32),
        late=requests.late.astype(np.int32),
        ttft=requests.ttft,
        e2e=requests.e2e,
        idle=exact,
        attained=scores.attained,
        undetermined=scores.undetermined,
        fluid=_fluid(requests, settings),
        benefit=benefit,
        benefit_min=least,
        benefit_max=most,
    )


def _benefits(requests: Requests, value: Benefit) -> tuple[Float64s, Float64s, Float64s]:
    """Each request's benefit, and the least and the most that the bounds of its idle latency allow."""
    exact, low, high = requests.idle, requests.idle_min, requests.idle_max
    benefit = benefits(requests, exact, value)
    if not ((exact < 0) & ((low >= 0) | (high >= 0))).any():
        return benefit, benefit, benefit  # most often there are no bounds
    least, most = (benefits(requests, np.where(exact >= 0, exact, at), value) for at in (high, low))
    return benefit, least, most


def _fluid(requests: Requests, settings: SummarySettings) -> npt.NDArray[np.int8]:
    target = settings.target
    if target is None or target.metric != "fluidity" or target.at_least is None:
        return np.full(requests.n.size, -1, dtype=np.int8)
    column = requests.batch.column("fluidity")
    values = column.fill_null(-1.0).to_numpy(zero_copy_only=False)
    return np.where(values < 0, -1, values >= target.at_least).astype(np.int8)
