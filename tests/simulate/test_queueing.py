"""Queueing theory: Little's law in a stationary window, and mean waits whose answers are known.

Runs are drawn with stated seeds, so nothing here is met or missed by chance from one day to the next. A band is
four standard errors over the seeds: of right figures it would leave out two in a thousand (Student's t with 11
degrees of freedom). Each test also says how narrow its band has to be, and so what it would find.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sgengine.simulate import SYSTEMS, System, cost_preset, simulate, single_turns
from sgengine.simulate.workloads import POISSON, Stream, arrivals_ns, workload

Floats = npt.NDArray[np.float64]

A100 = cost_preset("llama-3.1-8b-a100-80g")
SEEDS = range(301, 313)
BAND = 4 / np.sqrt(len(SEEDS))
"""Times the standard deviation over the seeds."""


def is_within(found: Floats, expected: float, narrow: float) -> bool:
    """Whether the mean over the seeds is the expected one, by a band that is a ``narrow`` share of it."""
    half = BAND * found.std(ddof=1)
    assert half <= narrow * expected, "the band is too wide to tell: take longer runs"
    return bool(abs(found.mean() - expected) <= half)


# --- Little's law --------------------------------------------------------------------------------

RATE, SPAN_S = 5.0, 800.0
WINDOW = (150e9, 700e9)
"""ns; before it the run fills up, after it those that came in it are served."""


def present_by_the_log(found: dict[str, npt.NDArray[np.int64]], rate: float) -> float:
    """The mean number in the system over the window, integrated over the iterations of the log.

    The log counts at the start of an iteration. During it nobody leaves and arrivals come at ``rate``,
    whatever its length; a replica without an iteration has nobody.
    """
    begin, end = WINDOW
    a, b = found["start_ns"], found["end_ns"]
    here = (b > begin) & (a < end)
    a, lower, upper = a[here], np.maximum(a[here], begin), np.minimum(b[here], end)
    counted = (found["running"] + found["queued"])[here]
    came = rate / 1e9 * ((upper - a) ** 2 - (lower - a) ** 2) / 2
    return float((counted * (upper - lower) + came).sum() / (end - begin))


def arrivals_times_stay(arrival: Floats, stay: Floats) -> float:
    """Those that arrived in the window, a second, times their mean stay: from the deliveries alone."""
    begin, end = WINDOW
    inside = (arrival >= begin) & (arrival < end)
    return float(inside.sum() / (end - begin) * stay[inside].mean())


def both_sides(system: System, seed: int) -> tuple[float, float]:
    arrivals = arrivals_ns(POISSON, Stream(seed, "arrivals"), rate=RATE, duration_s=SPAN_S)
    load = workload("conversation").load(arrivals, seed=seed, request_rate=RATE)
    found = simulate(system, load, A100, log=True)
    assert found.iterations is not None
    columns = {name: found.iterations[name].to_numpy() for name in found.iterations.column_names}
    times = [found.deliveries[name].to_numpy().astype(float) for name in ("arrival_ns", "end_ns")]
    return present_by_the_log(columns, RATE / system.replicas), arrivals_times_stay(*times)


LITTLE = {
    "prefill-first": SYSTEMS["prefill-first"],
    "chunked": SYSTEMS["chunked"],
    "shortest-first": replace(SYSTEMS["shortest-first"], max_running=40),
    "pace": SYSTEMS["pace"],
    "two replicas": replace(SYSTEMS["chunked"], replicas=2, router="least-loaded"),
}


def at_length(*values: object) -> Any:
    """A case that ``make test`` leaves out."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [n if n == "prefill-first" else at_length(n) for n in LITTLE])
def test_littles_law(name: str) -> None:
    """L = lambda W, within a band of at most 2 % of L.

    The two sides of a seed see the same run, but not the same: who was there before the window, and who
    stays beyond it, is in one of them each. In the mean over seeds that cancels in a stationary system.
    """
    present, expected = np.array([both_sides(LITTLE[name], seed) for seed in SEEDS]).T
    level = present.mean()
    assert is_within(expected - present + level, level, 0.02)


# --- One at a time -------------------------------------------------------------------------------

SHORT, LONG = (500, 2), (4000, 8)
"""Prompt and answer of two kinds of requests."""
REQUESTS, LEFT_OUT = 10_000, 500
ALONE = (("first", 0.7), ("chunked", 0.5), ("chunked", 0.7))


def served_alone(prefill: str, order: str = "fcfs") -> System:
    """A batch of one: each request has the server to itself, from its first iteration to its end."""
    return System(name="alone", prefill=prefill, order=order, max_running=1)  # type: ignore[arg-type]


def service_ns(system: System, kind: tuple[int, int]) -> int:
    """What a request takes alone."""
    found = simulate(system, single_turns("one", [0], [kind[0]], [kind[1]]), A100)
    return found.facts.span_ns


def queue(
    system: System, kinds: tuple[tuple[int, int], ...], busy: float, seed: int
) -> tuple[Floats, npt.NDArray[np.int64], float]:
    """Waits of Poisson arrivals, each of any of the kinds, that keep the server busy for a share of the time.

    Returns ns waited and the kind, a request each, and the share for which it was busy.
    """
    service = np.array([service_ns(system, kind) for kind in kinds])
    drawn = (Stream(seed, "kinds").uniform(REQUESTS) * len(kinds)).astype(np.int64)
    rate = busy / service.mean() * 1e9
    times = arrivals_ns(POISSON, Stream(seed, "arrivals"), rate=rate, requests=REQUESTS)
    lengths = np.array(kinds)[drawn].T
    found = simulate(system, single_turns("kinds", times, *lengths), A100)
    waited, end = (found.deliveries[name].to_numpy() for name in ("queue_ns", "end_ns"))
    assert (end - waited == service[drawn]).all(), "service is the same for all of a kind"
    span = found.facts.span_ns
    return waited[LEFT_OUT:].astype(float), drawn[LEFT_OUT:], found.facts.busy_ns[0] / span


@pytest.mark.parametrize(
    ("prefill", "busy"), [("first", 0.5), *(at_length(p, b) for p, b in ALONE)]
)
def test_constant_service_waits_as_pollaczek_and_khinchine_say(prefill: str, busy: float) -> None:
    """M/D/1: a mean wait of rho S / (2 (1 - rho))."""
    system = served_alone(prefill)
    runs = [queue(system, (LONG,), busy, seed) for seed in SEEDS]
    expected = busy * service_ns(system, LONG) / (2 * (1 - busy))
    assert is_within(np.array([waited.mean() for waited, _, _ in runs]), expected, 0.1)
    assert is_within(np.array([share for *_, share in runs]), busy, 0.03)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["fcfs", "shortest"])
def test_two_kinds_wait_as_theory_says(order: str) -> None:
    """M/G/1: R = lambda E[S^2] / 2 is what is left of the one in service. First come, first served: R / (1 -
    rho) for both kinds. The shorter first, without preemption (Cobham): R / (1 - rho_1) for them, and
    R / ((1 - rho_1) (1 - rho)) for the longer.
    """
    busy, system = 0.7, served_alone("first", order)
    service = np.array([service_ns(system, kind) for kind in (SHORT, LONG)], float)
    left = busy * (service**2).mean() / service.mean() / 2
    shorter = busy * service[0] / service.sum()
    means = {
        "fcfs": (left / (1 - busy), left / (1 - busy)),
        "shortest": (left / (1 - shorter), left / ((1 - shorter) * (1 - busy))),
    }
    runs = [queue(system, (SHORT, LONG), busy, seed) for seed in SEEDS]
    for kind in (0, 1):
        found = np.array([waited[drawn == kind].mean() for waited, drawn, _ in runs])
        assert is_within(found, means[order][kind], 0.12)
