"""Where the evaluation happens: hardware, systems, workloads with their rates, seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sgengine.simulate import COST_PRESETS, SYSTEMS, CostModel

COST = COST_PRESETS["llama-3.1-8b-a100-80g"]

PREFILL_FIRST = SYSTEMS["prefill-first"]
CHUNKED = SYSTEMS["chunked"].named("chunked-512")
CHUNKED_2048 = replace(CHUNKED, name="chunked-2048", token_budget=2048)
SHORTEST = SYSTEMS["shortest-first"]
PACE = SYSTEMS["pace"].named("pace-aware")
EVERY = (PREFILL_FIRST, CHUNKED, CHUNKED_2048, SHORTEST, PACE)

ALPHA = 2.5
ALPHAS = (0.0, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)
"""Tokens a second waited; 2.5 is the default of METRICS 5."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """One workload on one kind of hardware, at several rates, each with every seed.

    ``slo`` is what people might promise for it; a run lasts until everything that arrived within
    ``duration_s`` has been served.
    """

    workload: str
    rates: tuple[float, ...]
    slo: tuple[str, ...] = ("ttft:2s", "tbt:200ms")
    seeds: tuple[int, ...] = (1, 2, 3)
    duration_s: float = 240.0
    arrivals: str = "poisson"
    cost: CostModel = COST

    def at(self, *rates: float) -> Where:
        """The same at other rates."""
        return replace(self, rates=rates)


def grid(low: float, high: float, step: float) -> tuple[float, ...]:
    """The rates from ``low`` to ``high``, both included."""
    return tuple(round(low + i * step, 6) for i in range(round((high - low) / step) + 1))


LONG = ("ttft:15s", "tbt:200ms")
"""For prompts that take seconds to compute: DistServe's limit for summarization, and our reader's pace."""

SHAREGPT = Where(workload="sharegpt", rates=grid(0.5, 4.0, 0.25))
CONVERSATION = Where(workload="conversation", rates=grid(1.0, 10.0, 0.5))
CODE = Where(workload="code", rates=grid(1.0, 6.5, 0.5))
SUMMARIZATION = Where(workload="summarization", rates=grid(0.1, 1.6, 0.1), slo=LONG)
LOOGLE = Where(workload="loogle", rates=grid(0.05, 0.45, 0.05), slo=LONG, duration_s=960.0)
CHAT = Where(workload="chat", rates=grid(5.0, 40.0, 5.0), duration_s=480.0)

WORKLOADS = (SHAREGPT, CONVERSATION, CODE, SUMMARIZATION, LOOGLE, CHAT)

FRESH = (101, 102, 103, 104, 105, 106)
"""Seeds that no grid, rate or rule was chosen by."""


def close(where: Where, rates: tuple[float, ...]) -> Where:
    """Around the peak, in steps of a few per cent of it."""
    return replace(where, rates=rates, seeds=FRESH)


CLOSE = (
    close(SHAREGPT, grid(2.3, 3.5, 0.075)),
    close(CONVERSATION, grid(6.4, 9.0, 0.2)),
    close(CODE, grid(3.4, 6.0, 0.1)),
    close(SUMMARIZATION, grid(0.85, 1.45, 0.025)),
    close(LOOGLE, grid(0.05, 0.25, 0.0125)),
    close(CHAT, grid(17.0, 26.0, 1.0)),
)
"""(b): where peaks move, if they do."""

DELAYED = (SHAREGPT.at(2.0), CODE.at(4.0))
"""(d): near saturation, below the peak."""

ABANDONED = (
    (SHAREGPT.at(2.75), "ttft:2s"),
    (SHAREGPT.at(3.5), "ttft:2s"),
    (SHAREGPT.at(3.5), "ttft:30s"),
    (CODE.at(4.0), "ttft:2s"),
    (CODE.at(5.0), "ttft:2s"),
    (LOOGLE.at(0.3), "ttft:15s"),
)
"""(e): at the peak and beyond, and when a request is given up."""

RULED = (
    (SHAREGPT.at(3.5), "ttft:15s"),
    (CODE.at(5.0), "ttft:2s"),
    (CODE.at(5.0), "pace:200"),
    (CODE.at(5.0), "tbt:1s"),
    (SHAREGPT.at(2.75), "e2e:60s"),
)
"""(e), request by request: clauses that leave nothing of an answer, or what came before it was lost."""
RULED_BY = ((2.5, 0.0), (2.5, 10.0), (20.0, 10.0))
"""alpha and U."""

PAYING = (SHAREGPT.at(3.5), "ttft:15s")
PAYING_ALPHAS = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
PAYING_IDLE_S = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)

MIGRATED = (SHAREGPT.at(2.0), SUMMARIZATION.at(1.0), CODE.at(4.0))
"""(f): below the peak of two GPUs, so that links matter and not queues."""

OVERLOADED = (SHAREGPT.at(4.0), CODE.at(6.5))
BURSTY = replace(CONVERSATION, rates=grid(4.0, 9.0, 0.5))
