"""Small systems, loads and costs, of every kind: hypothesis strategies and a cost model of round figures."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sgengine.objectives import Reader, Slo
from sgengine.simulate import (
    Abandon,
    CostModel,
    Delay,
    Disaggregation,
    EarlyRejection,
    Hardware,
    Load,
    Model,
    System,
)
from sgengine.simulate.load import NO_TURN

TINY = Model(
    name="tiny",
    layers=1,
    hidden=8,
    intermediate=16,
    heads=1,
    kv_heads=1,
    head_dim=8,
    vocabulary=10,
)
"""640 + 80 parameters that count, 32 bytes of KV a token."""


def tiny_cost(
    capacity: int,
    *,
    token_ns: float = 2,
    read_ns: float = 1,
    swap_ns: float = 3,
    transfer_ns: float = 2,
    overhead_ns: float = 5,
    latency_ns: float = 4,
) -> CostModel:
    """A replica for ``capacity`` tokens; ns a token computed, read, swapped, transferred."""
    kv, linear = TINY.kv_bytes_per_token, 2 * TINY.layers * TINY.layer_parameters
    return CostModel(
        hardware=Hardware(
            name="toy",
            flops=linear / (token_ns * 1e-9),
            memory_bandwidth=kv / (read_ns * 1e-9),
            memory_bytes=int(TINY.parameters * 2 + kv * capacity),
            link_bandwidth=1e9,
            host_bandwidth=kv / (swap_ns * 1e-9),
        ),
        model=TINY,
        arithmetic=1,
        bandwidth=1,
        memory_share=1,
        reserve_bytes=0,
        overhead_s=overhead_ns * 1e-9,
        transfer_bandwidth=kv / (transfer_ns * 1e-9),
        transfer_latency_s=latency_ns * 1e-9,
    )


@st.composite
def costs(draw: st.DrawFn, load: Load) -> CostModel:
    """Memory for the longest request and a little more, for all, or not for all; whole and uneven ns."""
    step = st.sampled_from((0.3, 1, 1, 2, 7))
    longest = int((load.input_tokens + load.output_tokens - 1).max())
    spare = draw(st.sampled_from((0, 1, 1, 3, 8, 20, 200)))
    tight = st.integers(max(longest * 2 // 3, 1), longest)
    return tiny_cost(
        longest + spare if draw(st.integers(0, 3)) else draw(tight),
        token_ns=draw(step),
        read_ns=draw(step),
        swap_ns=draw(step),
        transfer_ns=draw(step),
        overhead_ns=draw(st.sampled_from((0, 5, 50))),
        latency_ns=draw(st.sampled_from((0, 4, 200))),
    )


@st.composite
def worlds(
    draw: st.DrawFn, *, max_size: int = 10, turns: bool = True, **fixed: Any
) -> tuple[System, Load, CostModel]:
    """A system that keeps to ``fixed``, a load, and replicas of about its size."""
    load = draw(loads(max_size, turns))
    return draw(systems(**fixed)), load, draw(costs(load))


@st.composite
def loads(draw: st.DrawFn, max_size: int = 10, turns: bool = True) -> Load:
    """A few requests, many of them at once, some as later ``turns``."""
    n = draw(st.integers(1, max_size))
    lengths = st.one_of(st.integers(1, 4), st.integers(1, 12), st.integers(1, 25))
    previous: list[int] = []
    turn: list[int] = []
    session: list[int] = []
    for i in range(n):
        free = [j for j in range(i) if j not in previous] if turns else []
        before = draw(st.sampled_from([NO_TURN, NO_TURN, *free]))
        previous.append(before)
        turn.append(0 if before == NO_TURN else turn[before] + 1)
        session.append(i if before == NO_TURN else session[before])
    arrivals = sorted(draw(st.lists(st.sampled_from(_MOMENTS), min_size=n, max_size=n)))
    first = iter(arrivals)
    return Load(
        name="small",
        arrival_ns=[next(first) if p == NO_TURN else 0 for p in previous],
        input_tokens=draw(st.lists(lengths, min_size=n, max_size=n)),
        output_tokens=draw(st.lists(lengths, min_size=n, max_size=n)),
        previous=previous,
        think_ns=draw(st.lists(st.sampled_from((0, 0, 30, 100)), min_size=n, max_size=n)),
        session=session,
        turn=turn,
    )


_MOMENTS = (0, 0, 0, 1, 10, 40, 100, 101, 150, 300, 1000)
_LIMITS = st.sampled_from((0, 20, 60, 150, 400, 5000))
_PACES = st.sampled_from((0, 3, 15, 40, 100, 200))
_READERS = st.builds(lambda pace, first: Reader(pace_ns=pace, first_ns=first), _PACES, _LIMITS)


@st.composite
def slos(draw: st.DrawFn) -> Slo:
    """One clause, or several."""
    some: dict[str, Any] = {
        "ttft_ns": _LIMITS,
        "tbt_ns": _LIMITS,
        "tpot_ns": _PACES,
        "e2e_ns": st.sampled_from((100, 400, 1000, 5000)),
        "pace": _READERS,
    }
    names = draw(st.sets(st.sampled_from(sorted(some)), min_size=1, max_size=3))
    return Slo(**{name: draw(some[name]) for name in sorted(names)})


DELAYS = st.builds(lambda gap: Delay(gap_ns=gap), st.sampled_from((0, 20, 50, 300)))
ABANDONS = st.builds(lambda slo: Abandon(slo=slo), slos())
_DELIVERIES = st.one_of(st.none(), st.none(), DELAYS, ABANDONS)
_LOADS = st.sampled_from((None, 0.5, 1.0, 2.0, 4.0))
REJECTIONS = st.builds(
    lambda prefill, kv: EarlyRejection(prefill_ns=prefill, kv_load=kv),
    st.sampled_from((0, 30, 100, 1000)),
    _LOADS,
)
_ADMISSIONS = st.integers(0, 5).flatmap(lambda k: REJECTIONS if k == 0 else st.none())
SPLITS = st.builds(
    lambda p, d: Disaggregation(prefill_replicas=p, decode_replicas=d),
    st.integers(1, 2),
    st.integers(1, 2),
)


@st.composite
def systems(draw: st.DrawFn, **fixed: Any) -> System:
    """Every combination of policies; ``fixed`` ones are not drawn, or drawn from a given strategy."""
    most = draw(st.sampled_from((1, 2, 3, 8, 8)))
    drawn = {
        "prefill": draw(st.sampled_from(("first", "chunked"))),
        "token_budget": most + draw(st.sampled_from((0, 1, 5, 30))),
        "max_running": most,
        "order": draw(st.sampled_from(("fcfs", "shortest", "pace"))),
        "preempt": draw(st.sampled_from(("recompute", "swap"))),
        "watermark": draw(st.sampled_from((0.0, 0.0, 0.1))),
        "admission": draw(_ADMISSIONS),
        "disaggregated": draw(st.one_of(st.none(), SPLITS)),
        "delivery": draw(_DELIVERIES),
        "replicas": draw(st.sampled_from((1, 1, 2, 3))),
        "router": draw(st.sampled_from(("round-robin", "least-loaded"))),
        "reader": draw(_READERS),
    }
    given = {k: draw(v) if isinstance(v, st.SearchStrategy) else v for k, v in fixed.items()}
    return System(name="any", **(drawn | given))
