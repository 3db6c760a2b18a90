"""The simulator again, slow and obvious, from docs/simulator.md; numbers in brackets are its sections.

Nothing is counted along: memory, load and backlog are added up from the requests whenever asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sgengine.kernels.simulation_state import Costs
from sgengine.objectives import Slo
from sgengine.simulate import Abandon, CostModel, Delay, Load, System


@dataclass
class Request:
    number: int
    input: int
    output: int
    think: int
    arrival: int | None = None
    status: str = "coming"
    end: int | None = None
    times: list[int] = field(default_factory=list)
    replica: Replica | None = None
    queued: bool = False
    decoding: bool = False
    computed: int = 0
    at_host: bool = False
    source: Replica | None = None
    lands: int | None = None
    smoothed: int = 0
    begun: int | None = None
    preemptions: int = 0
    migrations: int = 0

    @property
    def is_live(self) -> bool:
        return self.status == "live"

    @property
    def context(self) -> int:
        """[2] The input and the tokens made so far."""
        return self.input + len(self.times)

    @property
    def left(self) -> int:
        return 0 if self.decoding else self.context - self.computed

    @property
    def in_place(self) -> bool:
        return self.source is None

    def dry(self, system: System) -> int:
        """[3] Running dry."""
        assert self.arrival is not None
        reader = system.reader
        s = self.arrival + reader.first_ns - reader.pace_ns
        for time in self.times:
            s = max(time, s + reader.pace_ns)
        return s + reader.pace_ns


@dataclass
class Replica:
    number: int
    prefills: bool
    decodes: bool
    batch: list[Request] = field(default_factory=list)
    queue: list[Request] = field(default_factory=list)
    ends: int | None = None
    work: dict[int, int] = field(default_factory=dict)
    moving: int = 0
    link: int = 0
    iterations: int = 0


@dataclass
class Iteration:
    """A row of the log."""

    replica: int
    start: int
    end: int
    prefill: int
    decode: int
    kv: int
    running: int
    queued: int


class Naive:
    def __init__(
        self, system: System, load: Load, cost: CostModel, seed: int = 0, jitter: float = 0.0
    ) -> None:
        self.system, self.costs, self.capacity = system, cost.costs(), cost.kv_capacity
        self.seed, self.jitter = seed, round(jitter * 1_000_000)
        self.requests = [
            Request(number=i, input=int(a), output=int(b), think=int(t))
            for i, (a, b, t) in enumerate(
                zip(load.input_tokens, load.output_tokens, load.think_ns, strict=True)
            )
        ]
        self.previous = [int(p) for p in load.previous]
        self.coming = {i: int(load.arrival_ns[i]) for i, p in enumerate(self.previous) if p == -1}
        split = system.disaggregated
        if split is None:
            self.replicas = [Replica(i, True, True) for i in range(system.replicas)]
        else:
            total = split.prefill_replicas + split.decode_replicas
            first = split.prefill_replicas
            self.replicas = [Replica(i, i < first, i >= first) for i in range(total)]
        self.turns = {"prefill": 0, "decode": 0}
        self.log: list[Iteration] = []

    # [1] Time and events

    def run(self) -> Naive:
        while self.coming or any(r.is_live for r in self.requests):
            now = self.next_event()
            for replica in self.replicas:
                if replica.ends == now:
                    self.end_iteration(replica, now)
            self.land(now)
            self.pass_deadlines(now)
            self.take_arrivals(now)
            for replica in reversed(self.replicas):
                if replica.ends is None:
                    self.begin_iteration(replica, now)
        return self

    def next_event(self) -> int:
        times = list(self.coming.values())
        times += [r.ends for r in self.replicas if r.ends is not None]
        times += [r.lands for r in self.requests if r.lands is not None]
        times += [self.deadline(r) for r in self.requests if r.is_live and self.slo is not None]
        return min(times)

    def land(self, now: int) -> None:
        for request in self.requests:
            if request.lands == now:
                request.lands = request.source = None

    def pass_deadlines(self, now: int) -> None:
        for request in self.requests:
            if self.slo is not None and request.is_live and self.deadline(request) == now:
                self.lose(request, now)

    def take_arrivals(self, now: int) -> None:
        while due := sorted(i for i, time in self.coming.items() if time == now):
            del self.coming[due[0]]
            self.arrive(self.requests[due[0]], now)

    # [2] A request

    def held(self, request: Request, replica: Replica) -> int:
        """Tokens of KV reserved in its batch."""
        if not request.decoding:
            return request.context
        return request.context - 1 + (1 if replica.work.get(request.number) else 0)

    def used(self, replica: Replica) -> int:
        """Of the batch, of who is over but not yet out of it, and of who still has its KV here."""
        of_batch = sum(self.held(r, replica) for r in replica.batch)
        waiting_elsewhere = sum(r.context - 1 for r in self.requests if r.source is replica)
        return of_batch + waiting_elsewhere

    def close(self, request: Request, status: str, at: int) -> None:
        request.status, request.end = status, at
        for i, p in enumerate(self.previous):
            if p == request.number:
                self.coming[i] = at + self.requests[i].think

    # [3] The queue

    def key(self, request: Request) -> tuple[int, int]:
        assert request.arrival is not None
        by_order = {
            "fcfs": request.arrival,
            "shortest": request.input + request.output,
            "pace": request.dry(self.system),
        }
        return by_order[self.system.order], request.number

    def enqueue(self, request: Request, replica: Replica) -> None:
        request.replica, request.queued = replica, True
        replica.queue.append(request)

    def head(self, replica: Replica) -> Request | None:
        return min((r for r in replica.queue if r.is_live), key=self.key, default=None)

    def fits(self, request: Request, replica: Replica) -> bool:
        spare = int(self.system.watermark * self.capacity) if replica.batch else 0
        if self.used(replica) + request.context + spare > self.capacity:
            return False
        return self.system.order == "pace" or len(replica.batch) < self.system.max_running

    def admit(self, request: Request, replica: Replica, now: int) -> None:
        replica.queue.remove(request)
        request.queued = False
        replica.batch.append(request)
        if request.source is not None:
            self.fetch(request, replica, now)
        if request.at_host:
            request.at_host = False
            replica.moving += self.present(request)

    def present(self, request: Request) -> int:
        """Tokens of KV that are there."""
        return request.context - 1 if request.decoding else request.computed

    def route(self, phase: str) -> Replica:
        those = [r for r in self.replicas if (r.prefills if phase == "prefill" else r.decodes)]
        if self.system.router == "least-loaded":
            return min(those, key=self.load)
        self.turns[phase] += 1
        return those[(self.turns[phase] - 1) % len(those)]

    def load(self, replica: Replica) -> int:
        return sum(r.is_live and r.replica is replica for r in self.requests)

    # [4] An iteration

    def begin_iteration(self, replica: Replica, now: int) -> None:
        replica.batch = [r for r in replica.batch if r.is_live and r.replica is replica]
        replica.work = {}
        if self.system.prefill == "first":
            self.choose_prefill_first(replica, now)
        else:
            self.choose_chunked(replica, now)
        self.start(replica, now)

    def choose_prefill_first(self, replica: Replica, now: int) -> None:
        total = 0
        head = self.head(replica)
        while head is not None and self.fits(head, replica):
            if total and total + head.left > self.system.budget:
                break
            if head.left and self.keeps_waiting(head, replica, now):
                break
            self.admit(head, replica, now)
            if head.left:
                replica.work[head.number] = head.left
                total += head.left
            head = self.head(replica)
        if total == 0:
            self.make_memory(replica)
            for request in self.chosen(replica):
                replica.work[request.number] = 1

    def keeps_waiting(self, head: Request, replica: Replica, now: int) -> bool:
        if self.system.order != "pace":
            return False
        decoders = self.decoders(replica)
        decodes = min(len(decoders), self.system.max_running)
        step = self.decoding_fs(decodes, self.used(replica))
        prompts = [(0, n) for n in (*replica.work.values(), head.left)]
        whole = step + length_fs(self.costs, prompts, [], 0)
        zs = [r.dry(self.system) for r in decoders]
        return any(now + step // 10**6 <= z < now + whole // 10**6 for z in zs)

    def decoding_fs(self, tokens: int, read: int) -> int:
        """``tokens`` decoded while ``read`` tokens of KV are read."""
        return length_fs(self.costs, [], [0] * tokens, 0) + self.costs.context * read

    def choose_chunked(self, replica: Replica, now: int) -> None:
        had_to_go = self.make_memory(replica)
        were_decoding = len(self.decoders(replica))
        first_prompt = self.first_prompt(replica, now)
        chosen = self.chosen(replica)
        for request in chosen:
            replica.work[request.number] = 1
        early = [r for r in chosen if r.dry(self.system) <= first_prompt]
        budget = self.system.budget - len(early)
        for request in replica.batch:
            if not request.decoding and budget:
                budget -= self.give(request, replica, budget)
        places = self.system.max_running - were_decoding
        while not had_to_go and budget:
            head = self.head(replica)
            if head is None or not self.fits(head, replica):
                break
            self.admit(head, replica, now)
            if not head.decoding:
                budget -= self.give(head, replica, budget)
            elif head.in_place and places > 0:
                replica.work[head.number] = 1
                places -= 1
                budget -= 1 if head.dry(self.system) <= first_prompt else 0
        for request in replica.batch:
            is_late = request.decoding and request.dry(self.system) > first_prompt
            if is_late and request.number in replica.work:
                if budget:
                    budget -= 1
                else:
                    del replica.work[request.number]

    def first_prompt(self, replica: Replica, now: int) -> float:
        """B: when the first reader who waits for a context runs dry; never, but under pace."""
        if self.system.order != "pace":
            return float("inf")
        head = self.head(replica)
        waiting = [r for r in replica.batch if not r.decoding] + ([head] if head else [])
        found = min((r.dry(self.system) for r in waiting), default=float("inf"))
        step = self.decoding_fs(self.system.budget, self.used(replica))
        return max(found, now + 2 * step // 10**6)

    def give(self, request: Request, replica: Replica, budget: int) -> int:
        n = min(request.left, budget)
        replica.work[request.number] = n
        return n

    def decoders(self, replica: Replica) -> list[Request]:
        return [r for r in replica.batch if r.decoding and r.in_place]

    def lacks_memory(self, replica: Replica) -> bool:
        tokens = min(len(self.decoders(replica)), self.system.max_running)
        return tokens > 0 and self.used(replica) + tokens > self.capacity

    def make_memory(self, replica: Replica) -> bool:
        """Whether anybody had to go."""
        gone = False
        while self.lacks_memory(replica):
            those = sorted((r for r in replica.batch if r.in_place), key=self.key)
            if len(those) == 1:
                break
            self.preempt(those[-1], replica)
            gone = True
        return gone

    def chosen(self, replica: Replica) -> list[Request]:
        those = self.decoders(replica)
        if self.lacks_memory(replica):
            return []
        if len(those) > self.system.max_running:
            by_need = sorted(those, key=lambda r: r.dry(self.system))  # stable: ties by place
            those = [r for r in those if r in by_need[: self.system.max_running]]
        return those

    def preempt(self, request: Request, replica: Replica) -> None:
        replica.batch.remove(request)
        replica.work.pop(request.number, None)
        request.preemptions += 1
        if self.system.preempt == "swap":
            request.at_host = True
            replica.moving += self.present(request)
            self.enqueue(request, replica)
        else:
            request.decoding, request.computed = False, 0
            self.enqueue(request, replica if replica.prefills else self.route("prefill"))

    def start(self, replica: Replica, now: int) -> None:
        working = [r for r in replica.batch if r.number in replica.work]
        if not working:
            return
        prompts = [(r.computed, replica.work[r.number]) for r in working if not r.decoding]
        contexts = [r.context for r in working if r.decoding]
        for request in working:
            if not request.decoding and request.begun is None:
                request.begun = now
        ns = length_ns(self.costs, prompts, contexts, replica.moving)
        ns += self.jittered(ns, replica)
        replica.ends, replica.moving = now + ns, 0
        replica.iterations += 1
        self.log.append(
            Iteration(
                replica=replica.number,
                start=now,
                end=now + ns,
                prefill=sum(n for _, n in prompts),
                decode=len(contexts),
                kv=self.used(replica),
                running=len(replica.batch),
                queued=sum(r.is_live for r in replica.queue),
            )
        )

    def jittered(self, ns: int, replica: Replica) -> int:
        return (
            ns
            * self.jitter
            // 10**6
            * noise(self.seed, replica.number, replica.iterations)
            // 2**20
        )

    def end_iteration(self, replica: Replica, now: int) -> None:
        replica.ends = None
        work, replica.work = replica.work, {}
        for request in replica.batch:
            tokens = work.get(request.number, 0)
            if tokens == 0 or not request.is_live:
                continue
            if not request.decoding:
                request.computed += tokens
                if request.computed < request.context:
                    continue
                request.decoding = True
            self.deliver(request, now)
            if request.is_live and not replica.decodes:
                request.source = replica
                self.enqueue(request, self.route("decode"))

    # [5] Disaggregation and admission

    def fetch(self, request: Request, replica: Replica, now: int) -> None:
        fs = self.costs.transfer_latency + self.costs.transfer * (request.context - 1)
        replica.link = max(now, replica.link) + max(1, -(-fs // 10**6))
        request.lands = replica.link
        request.migrations += 1

    def arrive(self, request: Request, now: int) -> None:
        request.arrival = now
        if request.input + request.output - 1 > self.capacity:
            self.close(request, "rejected", now)
            return
        replica = self.route("prefill")
        if self.is_too_much(request, replica):
            self.close(request, "rejected", now)
            return
        request.status = "live"
        self.enqueue(request, replica)

    def is_too_much(self, request: Request, replica: Replica) -> bool:
        limits = self.system.admission
        if limits is None:
            return False
        live = [r for r in self.requests if r.is_live]
        if limits.prefill_ns is not None:
            here = sum(r.left for r in live if r.replica is replica)
            token = self.costs.token + self.costs.exchange
            if here + request.input > limits.prefill_ns * 10**6 // token:
                return True
        if limits.kv_load is not None:
            memory = self.capacity * sum(r.decodes for r in self.replicas)
            if sum(r.context for r in live) + request.input > int(limits.kv_load * memory):
                return True
        return False

    # [6] Delivery

    @property
    def slo(self) -> Slo | None:
        delivery = self.system.delivery
        return delivery.slo if isinstance(delivery, Abandon) else None

    def deliver(self, request: Request, now: int) -> None:
        delivery = self.system.delivery
        time = now
        if isinstance(delivery, Delay) and request.times:
            time = max(now, request.times[-1] + delivery.gap_ns)
        request.times.append(time)
        if len(request.times) == request.output:
            self.close(request, "ok", time)

    def deadline(self, request: Request) -> int:
        assert request.arrival is not None
        assert self.slo is not None
        slo, m = self.slo, len(request.times)
        found = []
        if slo.ttft_ns is not None and m == 0:
            found.append(request.arrival + slo.ttft_ns)
        if slo.e2e_ns is not None:
            found.append(request.arrival + slo.e2e_ns)
        if slo.pace is not None:
            found.append(request.arrival + slo.pace.first_ns + m * slo.pace.pace_ns)
        if slo.tbt_ns is not None and m:
            found.append(request.times[-1] + slo.tbt_ns)
        if slo.tpot_ns is not None and m:
            found.append(request.times[0] + (request.output - 1) * slo.tpot_ns)
        return min(found, default=2**62)

    def lose(self, request: Request, now: int) -> None:
        if request.queued:
            assert request.replica is not None
            request.replica.queue.remove(request)
            request.source = None
        self.close(request, "cancelled", now)


def length_ns(costs: Costs, prompts: list[tuple[int, int]], contexts: list[int], moved: int) -> int:
    """[4] Whole ns of an iteration."""
    return max(1, -(-length_fs(costs, prompts, contexts, moved) // 10**6))


def length_fs(costs: Costs, prompts: list[tuple[int, int]], contexts: list[int], moved: int) -> int:
    """[7] The length of an iteration; ``prompts`` are (computed before, computed now)."""
    tokens = sum(n for _, n in prompts) + len(contexts)
    pairs = sum(query + 1 for before, n in prompts for query in range(before, before + n))
    linear = max(costs.token * tokens, costs.weights)
    prompt_attention = max(costs.pair * pairs, costs.context * sum(b + n for b, n in prompts))
    decode_attention = costs.context * sum(contexts)
    fs = costs.overhead + linear + prompt_attention + decode_attention
    return fs + costs.exchange * tokens + costs.swap * moved


def noise(seed: int, replica: int, iteration: int) -> int:
    """Five multiplications modulo 2^31 - 1, the last three of bits mixed with higher ones; 20 bits."""
    p = 2**31 - 1
    x = (seed % p + 1) * 48271 % p
    x = (x + replica + 1) * 69621 % p
    x = (x + iteration % p + 1) * 39373 % p
    x = (x ^ x >> 13) * 16807 % p
    x = (x ^ x >> 9) * 48271 % p
    return (x ^ x >> 11) % 2**20
