"""Finding (e), request by request: who gains by being abandoned (METRICS 5, audits)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pyarrow as pa

import sgengine
from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import deliveries
from benchmarks.paper.setting import PREFILL_FIRST, Where
from sgengine import audit
from sgengine.objectives import parse_slo

NS_PER_S = 10**9


def gaining(places: Sequence[tuple[Where, str]], weights: Sequence[tuple[float, float]]) -> Finding:
    """(e): a request's benefit rises exactly if alpha (l - U) exceeds the tokens lost."""
    rows = [_gaining(where, clause, *each) for where, clause in places for each in weights]
    return Finding(
        letter="e2",
        claim="an abandoned request gains exactly if alpha (l - U) exceeds the tokens lost",
        rows=rows,
    )


def _gaining(where: Where, clause: str, alpha: float, idle_s: float) -> Row:
    pairs = list(zip(*cut_requests(where, clause), strict=True))
    changes = [worth(*left, alpha, idle_s) - worth(*whole, alpha, 0) for whole, left in pairs]
    by_rule, by_rest = (
        [
            _exceeds(tokens - kept, wait - (rest if counts_rest else 0), alpha, idle_s)
            for (tokens, wait), (kept, rest) in pairs
        ]
        for counts_rest in (False, True)
    )
    gains = [change > 0 for change in changes]
    return {
        "workload": where.workload,
        "rate": where.rates[0],
        "abandoned at": clause,
        "alpha": alpha,
        "U, s": idle_s,
        "cut": len(pairs),
        "gain": sum(gains),
        "by alpha (l - U)": sum(by_rule),
        "by alpha (l - l' - U)": sum(by_rest),
        "all together, tokens": float(sum(changes)),
        "holds": gains == by_rule,
    }


def worth(tokens: int, wait_ns: int, alpha: float, idle_s: float) -> Fraction:
    """The benefit of a request, by its definition; ``idle_s`` is charged to one that is not ok."""
    return tokens - Fraction(alpha) * (Fraction(wait_ns, NS_PER_S) + Fraction(idle_s))


def _exceeds(lost: int, wait_ns: int, alpha: float, idle_s: float) -> bool:
    return Fraction(alpha) * (Fraction(wait_ns, NS_PER_S) - Fraction(idle_s)) > lost


Waits = list[tuple[int, int]]
"""Tokens delivered, and ns waited, of each request."""


@cache
def cut_requests(where: Where, clause: str) -> tuple[Waits, Waits]:
    """The requests that abandonment cuts, before and after, each measured as the trace it is in."""
    table = deliveries(PREFILL_FIRST, where).combine_chunks()
    changes = [
        audit.change(batch, [audit.Abandon(slo=parse_slo([clause]))])
        for batch in table.to_batches()
    ]
    cut = np.concatenate([each.marks.cut for each in changes])
    after = pa.Table.from_batches([each.deliveries for each in changes])
    return _waits(table, cut), _waits(after, cut)


def _waits(table: pa.Table, rows: np.ndarray) -> Waits:
    found = sgengine.measure(table).requests
    assert found.num_rows == table.num_rows, "nothing is rejected, and the order is kept"
    tokens = found["n_output_tokens"].to_numpy()
    waits = found["user_idle_latency_ns"].fill_null(0).to_numpy()
    return list(zip(tokens[rows].tolist(), waits[rows].tolist(), strict=True))
