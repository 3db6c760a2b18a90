"""Finding (g) out of sample: seeds, hardware, models, mixes and arrivals by which no rule was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.mixes import loads
from benchmarks.paper.pace import FCFS, NEAR
from benchmarks.paper.runs import READER, best, points
from benchmarks.paper.setting import (
    ALPHA,
    CHAT,
    CODE,
    CONVERSATION,
    FRESH,
    LOOGLE,
    PACE,
    SHAREGPT,
    SUMMARIZATION,
    Where,
)
from sgengine.objectives import Reader
from sgengine.simulate import COST_PRESETS, System, simulate

SEARCHED = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
"""Times the rate at which a place is expected to saturate: where the peak of FCFS is looked for."""
TRIED_BY = FRESH[:5]
"""Seeds; the peak is looked for with the first two."""
Seeds = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A workload on some hardware, and about where it saturates, requests/s."""

    where: Where
    saturates: float

    def on(self, name: str, factor: float) -> Place:
        """The same on other hardware, which takes ``factor`` times the rate."""
        moved = replace(self.where, cost=COST_PRESETS[name])
        return Place(where=moved, saturates=self.saturates * factor)


_SHAREGPT = Place(where=SHAREGPT, saturates=2.75)
_CONVERSATION = Place(where=CONVERSATION, saturates=7.5)
_CODE = Place(where=CODE, saturates=4.2)
_MIXES = (
    Place(where=replace(SHAREGPT, workload="code+sharegpt"), saturates=3.7),
    Place(where=replace(SHAREGPT, workload="conversation+summarization"), saturates=1.9),
)
_H100 = ("llama-3.1-8b-h100-sxm", 2.6)
_OTHERS = (
    _H100,
    ("qwen2.5-14b-a100-80g", 0.5),
    ("llama-3-70b-a100-80g-tp4", 0.45),
    ("llama-3-70b-h100-sxm-tp4", 1.2),
)

OUT_OF_SAMPLE = (
    _SHAREGPT,
    _CONVERSATION,
    _CODE,
    Place(where=SUMMARIZATION, saturates=1.0),
    Place(where=LOOGLE, saturates=0.1),
    Place(where=CHAT, saturates=20.0),
    *(place.on(*other) for other in _OTHERS for place in (_SHAREGPT, _CONVERSATION, _CODE)),
    *_MIXES,
    *(mix.on(*_H100) for mix in _MIXES),
    *(
        replace(place, where=replace(place.where, arrivals="gamma:2"))
        for place in (_CONVERSATION, _CODE)
    ),
)


def pace_elsewhere(
    places: Sequence[Place] = OUT_OF_SAMPLE, speed: float = READER, seeds: Seeds = TRIED_BY
) -> Finding:
    """(g) again: the rule as it was chosen, in places and with seeds that it was not chosen by."""
    return Finding(
        letter="g2" if speed == READER else "g3",
        claim=f"pace-aware scheduling beats FCFS out of sample, for a reader of {speed:g} tokens/s",
        rows=[_elsewhere(place, speed, seeds) for place in places],
    )


def _elsewhere(place: Place, speed: float, seeds: Seeds) -> Row:
    peak = _peak(place, speed, seeds[:2])
    near = replace(place.where, rates=tuple(round(peak * x, 6) for x in NEAR), seeds=seeds)
    paced = replace(PACE, reader=Reader.from_speed(speed))
    sides = [points(system, near, speed, (ALPHA,)) for system in (FCFS, paced)]
    smooth = [[point.smooth[ALPHA] for point in side] for side in sides]
    tokens = [point.figures["output_throughput"] for point in sides[0]]
    gains = [100 * (new - old) / all_ for old, new, all_ in zip(*smooth, tokens, strict=True)]
    idle = [fmean(p.figures["user_idle_latency_ms"]["mean"] for p in side) / 1e3 for side in sides]
    hours, paced_hours = (_hours(system, near.at(peak)) for system in (FCFS, paced))
    return {
        "model and hardware": near.cost.name,
        "workload": near.workload,
        "arrivals": near.arrivals,
        "peak of FCFS at": peak,
        "runs that gain": f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
        "gain, % of throughput: mean": fmean(gains),
        "least": min(gains),
        "most": max(gains),
        "idle latency, s: FCFS": idle[0],
        "pace-aware": idle[1],
        "prompts take, %": 100 * hours.prompts,
        "room for them, %": 100 * (1 - hours.step_ms * speed / 1e3),
        "they wait, %: FCFS": 100 * hours.waiting,
        "pace-aware ": 100 * paced_hours.waiting,
        "holds": fmean(smooth[1]) > fmean(smooth[0]),
    }


def _peak(place: Place, speed: float, seeds: Seeds) -> float:
    rates = tuple(round(place.saturates * x, 6) for x in SEARCHED)
    searched = replace(place.where, rates=rates, seeds=seeds)
    return best(points(FCFS, searched, speed, (ALPHA,)))


@dataclass(frozen=True, kw_only=True)
class _Hours:
    """What a system does with its time while requests arrive.

    ``prompts``: the share in which it computes prompts; ``waiting``: in which it decodes while somebody
    queues; ``step_ms``: the mean length of decoding a token each.
    """

    prompts: float
    waiting: float
    step_ms: float


def _hours(system: System, where: Where) -> _Hours:
    """Of the first run."""
    load, seed = next(iter(loads(where)))
    log = simulate(system, load, where.cost, seed, log=True).iterations
    assert log is not None
    start, end, prompts, queued = (
        log[name].to_numpy() for name in ("start_ns", "end_ns", "prefill_tokens", "queued")
    )
    arriving = start < where.duration_s * 1e9
    length, is_prompt = (end - start)[arriving], (prompts > 0)[arriving]
    waits = ~is_prompt & (queued[arriving] > 0)
    return _Hours(
        prompts=length[is_prompt].sum() / length.sum(),
        waiting=length[waits].sum() / length.sum(),
        step_ms=length[~is_prompt].mean() / 1e6,
    )
