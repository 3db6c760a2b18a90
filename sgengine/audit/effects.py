"""What operations did to a group's requests, added up over batches (METRICS 5, audits).

The sums are integers (or exact fractions), so that no order and no partition of the requests can
change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from fractions import Fraction
from math import ceil, floor

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import Key, group_rows
from sgengine.aggregate.benefits import benefits
from sgengine.aggregate.table import OK, Requests, requests_of
from sgengine.audit.change import Marks
from sgengine.compute.ragged import Bools
from sgengine.objectives import Benefit

Int64s = npt.NDArray[np.int64]

NS_PER_S = 10**9
_MAX = 2**63 - 1
_MASK = 2**32 - 1


@dataclass(kw_only=True)
class Effects:
    """Counts and sums over one group's requests, of those that were changed.

    ``undetermined``: requests left as they are, because what is known of them does not decide what
    an operation does. ``unknown``: changed requests without an idle latency before or after, which
    are in no sum but ``lost_tokens``. ``unfinished``: requests that were ok and are not any more.
    ``gaining``, ``losing``: those whose benefit is higher, or lower, than before. ``spared_ns``: idle
    latency before less idle latency after. ``widest_ns``: of the unfinished, with the penalty
    ``linear``, the most that one spares beyond what its lost tokens are worth at alpha.
    """

    delayed: int = 0
    cut: int = 0
    undetermined: int = 0
    unknown: int = 0
    unfinished: int = 0
    gaining: int = 0
    losing: int = 0
    lost_tokens: int = 0
    spared_ns: int = 0
    benefit_change: Fraction = field(default_factory=Fraction)
    widest_ns: Fraction | None = None

    def merge(self, other: Effects) -> None:
        """Take in other requests of the group."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if each.name != "widest_ns":
                setattr(self, each.name, mine + theirs)
            elif theirs is not None:
                self.widest_ns = theirs if mine is None else max(mine, theirs)


@dataclass(kw_only=True)
class EffectTable:
    """The effects of every group of ``by``."""

    by: tuple[str, ...]
    benefit: Benefit
    groups: dict[Key, Effects] = field(default_factory=dict)

    def add(self, before: pa.RecordBatch, after: pa.RecordBatch, marks: Marks) -> None:
        """Take in the REQUESTS rows of one batch, the same requests before and after."""
        if before.num_rows == 0:
            return
        keys, codes = group_rows(before, self.by)
        change = _Change(before=requests_of(before), after=requests_of(after), benefit=self.benefit)
        for i, key in enumerate(keys):
            rows = np.flatnonzero(codes == i)
            self._merge(key, change.effects(rows, marks.of(rows)))

    def merge(self, other: EffectTable) -> None:
        """Take in other requests."""
        for key, effects in other.groups.items():
            self._merge(key, effects)

    def _merge(self, key: Key, effects: Effects) -> None:
        self.groups.setdefault(key, Effects()).merge(effects)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One batch before and after; sums are over the rows that were changed."""

    before: Requests
    after: Requests
    benefit: Benefit

    def effects(self, rows: Int64s, marks: Marks) -> Effects:
        """The effects on some ``rows``."""
        changed = rows[marks.delayed | marks.cut]
        lost = self.before.n[changed] - self.after.n[changed]
        waits = _waits(self.before)[changed], _waits(self.after)[changed]
        known = (waits[0] >= 0) & (waits[1] >= 0)
        found = Effects(
            delayed=int(marks.delayed.sum()),
            cut=int(marks.cut.sum()),
            undetermined=int(marks.undetermined.sum()),
            unknown=int((~known).sum()),
            unfinished=int(self._unfinished(changed).sum()),
            lost_tokens=_sum(lost),
            spared_ns=_sum((waits[0] - waits[1])[known]),
        )
        if self.benefit.penalty == "linear":
            self._weigh_exactly(found, changed[known], lost[known], (waits[0] - waits[1])[known])
        else:
            self._weigh(found, changed[known])
        return found

    def _unfinished(self, rows: Int64s) -> Bools:
        """Requests that were ok and are not any more."""
        lost: Bools = (self.before.status[rows] == OK) & (self.after.status[rows] != OK)
        return lost

    def _weigh_exactly(self, found: Effects, rows: Int64s, lost: Int64s, spared: Int64s) -> None:
        """Each request by alpha (l - l' - U) > tokens lost, in whole numbers (U if it was ok).

        The left side is a whole number of ns, so that it can be compared with the rest rounded to one,
        once for each number of tokens lost.
        """
        alpha, idle = Fraction(self.benefit.alpha), self.benefit.unfinished_idle_ns
        unfinished = self._unfinished(rows)
        charged = idle * int(unfinished.sum())
        found.benefit_change = alpha * Fraction(_sum(spared) - charged, NS_PER_S) - _sum(lost)
        if alpha == 0:
            found.losing = int((lost > 0).sum())
            return
        tokens, places = np.unique(lost, return_inverse=True)
        worth = [n * NS_PER_S / alpha for n in tokens.tolist()]
        # What is far below 0 loses, whatever its tokens: held where the subtraction cannot overflow.
        gain = np.maximum(spared, -(2**61)) - np.where(unfinished, idle, 0)
        found.gaining = int((gain > _capped(map(floor, worth))[places]).sum())
        found.losing = int((gain < _capped(map(ceil, worth))[places]).sum())
        for place in np.unique(places[unfinished]).tolist():
            most = int(spared[unfinished & (places == place)].max()) - worth[place]
            found.merge(Effects(widest_ns=most))

    def _weigh(self, found: Effects, rows: Int64s) -> None:
        """Each request by its benefit, which a penalty that is not linear rounds."""
        sides = [
            benefits(side, side.idle, self.benefit)[rows] for side in (self.before, self.after)
        ]
        change = sides[1] - sides[0]
        found.gaining = int((change > 0).sum())
        found.losing = int((change < 0).sum())
        found.benefit_change = sum(map(Fraction, change.tolist()), Fraction())


def _waits(requests: Requests) -> Int64s:
    """l in ns: 0 for requests without tokens, -1 where it is unknown."""
    return np.where(requests.n == 0, 0, requests.idle)


def _capped(values: Iterable[int]) -> Int64s:
    """Whole numbers as int64; beyond it, its greatest."""
    return np.array([min(value, _MAX) for value in values], dtype=np.int64)


def _sum(values: Int64s) -> int:
    """The exact sum of integers that may overflow together."""
    return (int((values >> 32).sum()) << 32) + int((values & _MASK).sum())
