"""Whether each request attains an SLO, clause by clause, with a third answer where data leaves it open.

METRICS 3: comparisons are ``<=`` on whole ns; one token passes ``tpot``, one chunk passes ``tbt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.table import OK, Requests
from sgengine.objectives import Reader, Slo

Int64s = npt.NDArray[np.int64]
Answers = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

YES, NO, OPEN = 1, 0, -1


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of R requests: ``attained`` (R,) int8 YES, NO or OPEN; ``undetermined`` (R,) bool."""

    attained: Answers
    undetermined: Bools


def score(requests: Requests, slo: Slo, measured: Reader) -> Scores:
    """Whether each request attains ``slo``, and whether any of its clauses is left open.

    A request whose status is not ok does not attain, nor one that delivered nothing, which keeps no
    clause. OPEN: no clause fails and one is undetermined, of a request that is ok.
    """
    answer = np.full(requests.n.size, YES, dtype=np.int8)
    undetermined = np.zeros(requests.n.size, dtype=np.bool_)
    for _, clause in clause_answers(requests, slo, measured):
        answer = _both(answer, clause)
        undetermined |= clause == OPEN
    answer[requests.status != OK] = NO
    return Scores(attained=answer, undetermined=undetermined)


def clause_answers(requests: Requests, slo: Slo, measured: Reader) -> Iterator[tuple[str, Answers]]:
    """Each clause of ``slo`` by name with its answers; NO for requests without tokens."""
    for name, answers in _clauses(requests, slo, measured):
        yield name, np.where(requests.n == 0, NO, answers).astype(np.int8)


def _clauses(requests: Requests, slo: Slo, measured: Reader) -> Iterator[tuple[str, Answers]]:
    if slo.ttft_ns is not None:
        yield "ttft", _at_most(requests.ttft, slo.ttft_ns)
    if slo.tbt_ns is not None:
        yield "tbt", _tbt(requests, slo.tbt_ns)
    if slo.tpot_ns is not None:
        yield "tpot", _tpot(requests, slo.tpot_ns)
    if slo.e2e_ns is not None:
        yield "e2e", _at_most(requests.e2e, slo.e2e_ns)
    if slo.pace is not None:
        yield "pace", _pace(requests, slo.pace, measured)
    if slo.tokens_share is not None:
        yield "tokens", _tokens(requests, slo)


def _both(a: Answers, b: Answers) -> Answers:
    either_no = (a == NO) | (b == NO)
    either_open = (a == OPEN) | (b == OPEN)
    return np.where(either_no, NO, np.where(either_open, OPEN, YES)).astype(np.int8)


def _answers(yes: Bools, known: Bools) -> Answers:
    return np.where(known, np.where(yes, YES, NO), OPEN).astype(np.int8)


def _at_most(value: Int64s, bound: int) -> Answers:
    return _answers(value <= bound, value >= 0)


def _mean_gap_up(requests: Requests) -> Int64s:
    """tpot rounded up to a whole ns: at most P exactly if tpot is, without a product that overflows."""
    return -(-requests.span // np.maximum(requests.n - 1, 1))


def _tpot(requests: Requests, bound: int) -> Answers:
    single = requests.n == 1
    known = single | ((requests.n >= 2) & (requests.span >= 0))
    return _answers(single | (_mean_gap_up(requests) <= bound), known)


def _tbt(requests: Requests, bound: int) -> Answers:
    """From the longest gap; where it is unknown, from the span: a sum bounds each gap, a mean one of them."""
    exact = requests.itl_max >= 0
    single = (requests.n_chunks == 1) | ((requests.n_chunks < 0) & (requests.n == 1))
    span = requests.span
    within = ~exact & (span >= 0) & (span <= bound)
    beyond = ~exact & (span >= 0) & (requests.n >= 2) & (_mean_gap_up(requests) > bound)
    yes = single | within | (exact & (requests.itl_max <= bound))
    return _answers(yes, exact | single | within | beyond)


def _pace(requests: Requests, reader: Reader, measured: Reader) -> Answers:
    idle, low, high = requests.idle_for(reader, measured)
    exact = idle >= 0
    yes = np.where(exact, idle == 0, high == 0)
    return _answers(yes, exact | (high == 0) | (low > 0))


def _tokens(requests: Requests, slo: Slo) -> Answers:
    """n - late >= Q n in whole numbers: Q is an exact decimal, a ratio of integers."""
    above, below = (slo.tokens_share or 0).as_integer_ratio()
    on_time = requests.n - requests.late
    if below > 2**31:
        pairs = zip(on_time.tolist(), requests.n.tolist(), strict=True)
        yes = np.array([a * below >= above * n for a, n in pairs], dtype=np.bool_)
    else:
        yes = on_time * below >= above * requests.n
    return _answers(yes, requests.late >= 0)
