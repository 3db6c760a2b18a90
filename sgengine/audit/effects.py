"""What operations did to a group's requests, and from where on abandoning pays (METRICS 5, audits).

The benefit of a group changes by alpha (D - U C) - L for the penalty ``linear``: L tokens are lost, D
seconds of waiting are spared, and C requests that were ok are not any more, U being
``unfinished_idle``. All three are integers, so that the break-even points are exact. For one request,
C = 1 and nobody waiting afterwards, that is the rule of METRICS 5: alpha (l - U) against the tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import Key, benefits, group_rows, requests_of
from sgengine.aggregate.table import OK, Requests
from sgengine.compute.ragged import Bools
from sgengine.objectives import Benefit

Int64s = npt.NDArray[np.int64]

_NS_PER_S = 10**9


@dataclass(kw_only=True)
class Effects:
    """Of one group: how many requests an audit changed, and what that did to its benefit.

    ``undetermined``: requests left as they are, for what is known of them does not decide what the
    operations do. ``unknown``: changed requests without a benefit before or after. ``unfinished``: C.
    ``gaining``, ``losing``: changed requests whose benefit is higher and lower. ``closed_ns``: the
    least U, in ns, at which no request gains (``linear``, alpha above 0), None for none that would.
    """

    benefit: Benefit
    delayed: int = 0
    cut: int = 0
    undetermined: int = 0
    unknown: int = 0
    lost_tokens: int = 0
    spared_ns: int = 0
    unfinished: int = 0
    gaining: int = 0
    losing: int = 0
    closed_ns: Fraction | None = None

    def merge(self, other: Effects) -> None:
        """Take in other requests of the group."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.closed_ns is not None:
            self.closed_ns = max(self.closed_ns or Fraction(0), other.closed_ns)
'''
