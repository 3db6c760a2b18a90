"""Findings (a), (b), (c): what the request rate does to smooth goodput, and where its peak is."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import best, by_rate, mean_by_rate, points
from benchmarks.paper.setting import ALPHA, ALPHAS, CHUNKED, CHUNKED_2048, PREFILL_FIRST, Where
from sgengine.simulate import System

RISEN, FALLEN, SATURATED = 1.2, 0.9, 0.9
"""What counts: the peak a fifth above the lowest rate, the highest rate a tenth below the peak, and
throughput at the highest rate nine tenths of its own maximum at least."""


def rises_and_falls(
    places: Sequence[Where], systems: Sequence[System] = (PREFILL_FIRST, CHUNKED)
) -> Finding:
    """(a): smooth goodput rises with the rate, peaks and falls, while throughput only saturates."""
    rows = [_rise_and_fall(where, system) for where in places for system in systems]
    return Finding(
        letter="a",
        claim="smooth goodput rises with the rate, peaks, then falls; throughput only saturates",
        rows=rows,
    )


def _rise_and_fall(where: Where, system: System) -> Row:
    found = points(system, where)
    smooth = by_rate(found)
    tokens = mean_by_rate(found, lambda point: point.figures["output_throughput"])
    peak, low, high = best(found), min(smooth), max(smooth)
    return {
        "workload": where.workload,
        "system": system.name,
        "peak at": peak,
        "smooth goodput: lowest rate": smooth[low],
        "at the peak": smooth[peak],
        "highest rate": smooth[high],
        "throughput: at the peak": tokens[peak],
        "at the highest": tokens[high],
        "holds": RISEN * smooth[low] < smooth[peak]
        and smooth[high] < FALLEN * smooth[peak]
        and tokens[high] > SATURATED * max(tokens.values()),
    }


def chunking_moves_the_peak(
    places: Sequence[Where], systems: Sequence[System] = (CHUNKED, CHUNKED_2048)
) -> Finding:
    """(b), the first half: with chunked prefill the best rate is higher."""
    rows = [_moved(where, system) for where in places for system in systems]
    return Finding(letter="b1", claim="chunked prefill moves the peak to a higher rate", rows=rows)


def _moved(where: Where, system: System) -> Row:
    sides = [points(each, where, alphas=(ALPHA,)) for each in (PREFILL_FIRST, system)]
    old, new = map(best, sides)
    plain, chunked = map(by_rate, sides)
    most = [
        max(mean_by_rate(side, lambda p: p.figures["output_throughput"]).values()) for side in sides
    ]
    shifts = [
        best(p for p in sides[1] if p.seed == seed) - best(p for p in sides[0] if p.seed == seed)
        for seed in where.seeds
    ]
    return {
        "workload": where.workload,
        "system": system.name,
        "peak of prefill-first at": old,
        "its peak at": new,
        "seeds: higher": sum(shift > 0 for shift in shifts),
        "lower": sum(shift < 0 for shift in shifts),
        "smooth goodput there: prefill-first": plain[old],
        "its own": chunked[new],
        "most throughput: prefill-first": most[0],
        "its own ": most[1],
        "holds": new > old,
    }


def chunking_helps_tails_more(
    places: Sequence[Where], systems: Sequence[System] = (CHUNKED, CHUNKED_2048)
) -> Finding:
    """(b), the second half: tail TBT gains more than smooth goodput, at prefill-first's best rate."""
    rows = [_tails(where, system) for where in places for system in systems]
    return Finding(
        letter="b2",
        claim="chunked prefill improves tail TBT more than it improves smooth goodput",
        rows=rows,
    )


def _tails(where: Where, system: System) -> Row:
    old, new = points(PREFILL_FIRST, where), points(system, where)
    at = best(old)
    tails = [mean_by_rate(side, lambda p: p.figures["itl_ms"]["p99"])[at] for side in (old, new)]
    smooth = [by_rate(side)[at] for side in (old, new)]
    return {
        "workload": where.workload,
        "system": system.name,
        "rate": at,
        "TBT p99, ms: prefill-first": tails[0],
        "chunked": tails[1],
        "better by": tails[0] / tails[1],
        "smooth goodput better by": smooth[1] / smooth[0],
        "holds": tails[0] / tails[1] > max(1.0, smooth[1] / smooth[0]),
    }


def alpha_never_raises_the_best_rate(
    places: Sequence[Where], systems: Sequence[System] = (PREFILL_FIRST, CHUNKED)
) -> Finding:
    """(c): the larger alpha, the lower or equal the best rate."""
    rows = [_best_by_alpha(where, system) for where in places for system in systems]
    return Finding(letter="c", claim="a larger alpha never raises the best rate", rows=rows)


def _best_by_alpha(where: Where, system: System) -> Row:
    found = points(system, where)
    rates = {alpha: best(found, alpha) for alpha in ALPHAS}
    falling = list(rates.values())
    return {
        "workload": where.workload,
        "system": system.name,
        **{f"alpha {alpha:g}": rate for alpha, rate in rates.items()},
        "holds": falling == sorted(falling, reverse=True),
    }
