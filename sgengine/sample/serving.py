"""The iteration loop of the toy server."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sgengine.sample.draws import Draws
from sgengine.sample.jobs import Job
from sgengine.sample.policies import COSTS, Costs, Room, Step, System
from sgengine.sample.workloads import Workload, calls

_MICROSECOND = 1_000
_DRAFT_COST_PERCENT = 12
"""What each guessed token adds to the base cost of a decode iteration."""


def serve(system: System, workload: Workload, seed: int) -> list[Job]:
    """Run a workload against a system; return its requests in order of arrival, each of them ended."""
    asked = calls(workload, seed)
    closes_ns = asked[-1].arrival_ns + workload.drain_ns
    jobs = [Job(call=call, closes_ns=closes_ns, pace_ns=system.pace_ns) for call in asked]
    draws = Draws(seed, workload.seed, *system.name.encode())
    _Server(system, COSTS[workload.model], draws).run(jobs, closes_ns)
    for job in jobs:
        job.status = job.status or "incomplete"
    return jobs


class _Server:
    def __init__(self, system: System, costs: Costs, draws: Draws) -> None:
        self._system = system
        self._costs = costs
        self._draws = draws
        self._now_ns = 0
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    def run(self, jobs: Sequence[Job], closes_ns: int) -> None:
        """Serve the jobs until all are over or the log closes."""
        coming = deque(sorted(jobs, key=lambda job: job.call.reaches_ns))
        while self._now_ns <= closes_ns and (coming or self._waiting or self._running):
            self._take_in(coming)
            self._dismiss()
            if self._waiting or self._running:
                self._iterate()
            elif coming:
                self._now_ns = max(self._now_ns, coming[0].call.reaches_ns)

    def _take_in(self, coming: deque[Job]) -> None:
        while coming and coming[0].call.reaches_ns <= self._now_ns:
            job = coming.popleft()
            if len(self._waiting) >= self._system.max_waiting:
                job.reject()
            else:
                self._waiting.append(job)

    def _dismiss(self) -> None:
        for job in (*self._waiting, *self._running):
            if not job.is_over and self._now_ns - job.call.arrival_ns > job.limit_ns:
                job.give_up()
        self._waiting = [job for job in self._waiting if not job.is_over]
        self._running = [job for job in self._running if not job.is_over]

    def _iterate(self) -> None:
        room = Room(
            memory_tokens=self._costs.memory_tokens - self._used,
            places=self._system.max_running - len(self._running),
        )
        step = self._system.policy(self._running, self._waiting, room, self._system.budget_tokens)
        self._now_ns += self._duration_ns(step)
        self._prefill(step)
        self._decode(step)
        self._running = [job for job in self._running if not job.is_over]
        self._preempt()

    @property
    def _used(self) -> int:
        return sum(job.cached for job in self._running)

    def _duration_ns(self, step: Step) -> int:
        costs, drafts = self._costs, self._system.drafts if step.decode else 0
        total = costs.base_ns * (100 + _DRAFT_COST_PERCENT * drafts) // 100
        total += costs.prompt_token_ns * sum(tokens for _, tokens in step.prefill)
        total += costs.sequence_ns * len(step.decode) * (1 + drafts)
        total += costs.cached_1000_ns * sum(job.cached for job in step.decode) // 1_000
        total += self._draws.below(costs.jitter_ns)
        return total // _MICROSECOND * _MICROSECOND

    def _prefill(self, step: Step) -> None:
        for job, tokens in step.prefill:
            if job in self._waiting:
                self._waiting.remove(job)
                self._running.append(job)
            job.cached += tokens
            if job.cached == job.needed:
                job.deliver(self._now_ns, 1)

    def _decode(self, step: Step) -> None:
        for job in step.decode:
            tokens = min(1 + self._accepted(), job.call.output_tokens - job.made)
            job.cached += tokens
            job.deliver(self._now_ns, tokens)

    def _accepted(self) -> int:
        """Count the guessed tokens that hold, up to the first that does not."""
        for accepted in range(self._system.drafts):
            if not self._draws.chance(self._system.accepted_per_million):
                return accepted
        return self._system.drafts

    def _preempt(self) -> None:
        """Throw out the latest jobs while memory is short; they compute everything again."""
        while len(self._running) > 1 and self._used > self._costs.memory_tokens:
            job = self._running.pop()
            job.cached = 0
            job.preemptions += 1
            self._waiting.insert(0, job)
