"""The systems of the sample: what a server computes in its next iteration, and at which cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sgengine.sample.jobs import Job
from sgengine.sample.workloads import MS


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What an iteration of a model takes, and how many tokens its memory holds."""

    base_ns: int
    prompt_token_ns: int
    sequence_ns: int
    cached_1000_ns: int
    jitter_ns: int
    memory_tokens: int


COSTS = MappingProxyType(
    {
        "toy-8b": Costs(
            base_ns=14 * MS,
            prompt_token_ns=110_000,
            sequence_ns=150_000,
            cached_1000_ns=250_000,
            jitter_ns=MS,
            memory_tokens=9_000,
        ),
        "toy-32b": Costs(
            base_ns=34 * MS,
            prompt_token_ns=380_000,
            sequence_ns=400_000,
            cached_1000_ns=600_000,
            jitter_ns=2 * MS,
            memory_tokens=14_000,
        ),
    }
)
"""Constants of a toy: plausible for one accelerator, measured on none."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One iteration: prompt tokens computed for some jobs, a decode step for others."""

    prefill: tuple[tuple[Job, int], ...] = ()
    decode: tuple[Job, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the server can still take in."""

    memory_tokens: int
    places: int


Policy = Callable[[Sequence[Job], Sequence[Job], Room, int], Step]
"""(running, waiting, room, tokens an iteration may compute) -> the next iteration."""


def prefill_first(running: Sequence[Job], waiting: Sequence[Job], room: Room, budget: int) -> Step:
    """Compute whole prompts as soon as they fit, while every running answer stands still."""
    batch: list[tuple[Job, int]] = []
    for job in _admitted(waiting, room):
        if batch and job.needed > budget:
            break
        batch.append((job, job.needed))
        budget -= job.needed
    if batch:
        return Step(prefill=tuple(batch))
    return Step(decode=tuple(running))


def chunked_prefill(
    running: Sequence[Job], waiting: Sequence[Job], room: Room, budget: int
) -> Step:
    """Decode every running answer, and fill the rest of the iteration with pieces of prompts."""
    decode = tuple(job for job in running if job.is_decoding)
    budget -= len(decode)
    parts = []
    for job in (*(job for job in running if not job.is_decoding), *_admitted(waiting, room)):
        tokens = min(budget, job.needed - job.cached)
        if tokens <= 0:
            break
        parts.append((job, tokens))
        budget -= tokens
    return Step(prefill=tuple(parts), decode=decode)


def _admitted(waiting: Sequence[Job], room: Room) -> list[Job]:
    left, chosen = room.memory_tokens, []
    for job in waiting[: room.places]:
        left -= job.needed
        if left < 0:
            break
        chosen.append(job)
    return chosen


@dataclass(frozen=True, kw_only=True)
class System:
    """One serving system of the sample.

    ``pace_ns`` above 0 holds every chunk back until that long after the one before it.
    ``drafts`` above 0 lets a decode step add up to so many guessed tokens to the one computed.
    """

    name: str
    policy: Policy
    budget_tokens: int
    pace_ns: int = 0
    drafts: int = 0
    accepted_per_million: int = 0
    max_running: int = 12
    max_waiting: int = 8


SYSTEMS = (
    System(name="prefill-first", policy=prefill_first, budget_tokens=8_192),
    System(name="chunked-prefill", policy=chunked_prefill, budget_tokens=512),
    System(name="delayed", policy=prefill_first, budget_tokens=8_192, pace_ns=50 * MS),
    System(
        name="speculative",
        policy=prefill_first,
        budget_tokens=8_192,
        drafts=4,
        accepted_per_million=700_000,
    ),
)
