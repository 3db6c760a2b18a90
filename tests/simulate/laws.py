"""Conservation laws, each a check of one run by its deliveries and its log alone (docs/simulator.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from sgengine.simulate import Abandon, Delay
from sgengine.simulate.load import NO_TURN
from tests.simulate.seen import Iteration, Request, Seen

Law = Callable[[Seen], None]
TOO_LONG = "turned away: longer than the memory"


def everyone_is_accounted_for(seen: Seen) -> None:
    """Finished, rejected or abandoned, each request for a reason that there is, with its tokens."""
    for r in seen.requests:
        is_too_long = r.input + r.wanted - 1 > seen.cost.kv_capacity
        assert (r.error == TOO_LONG) is is_too_long
        if r.status == "rejected":
            assert is_too_long or seen.system.admission is not None
            assert (r.times, r.begun, r.end) == ((), None, r.arrival)
        elif r.status == "cancelled":
            assert isinstance(seen.system.delivery, Abandon)
            assert len(r.times) < r.wanted
        else:
            assert r.status == "ok"
            assert (len(r.times), r.end) == (r.wanted, r.times[-1])
    assert seen.facts.requests == len(seen.requests) == seen.load.requests
    assert seen.facts.tokens == sum(len(r.times) for r in seen.requests)


def turns_follow_one_another(seen: Seen) -> None:
    """First turns come when they were to come, later ones a think time after the turn before."""
    previous, think = seen.load.previous.tolist(), seen.load.think_ns.tolist()
    first = seen.load.arrival_ns.tolist()
    for r in seen.requests:
        before = previous[r.number]
        if before == NO_TURN:
            assert r.arrival == first[r.number]
        else:
            assert r.arrival == seen.requests[before].end + think[r.number]


def tokens_come_once_and_in_order(seen: Seen) -> None:
    """What is delivered is what iterations made: at each moment, and in all.

    A prompt that ends makes a token, and so does a context computed again; what was made for a request
    that was abandoned meanwhile is delivered to nobody.
    """
    for r in seen.requests:
        assert all(a < b for a, b in pairwise(r.times))
        assert not r.times or r.arrival < r.times[0] <= r.times[-1] <= r.end
    firsts = Counter(r.times[0] for r in seen.requests if r.times)
    later = Counter(time for r in seen.requests for time in r.times[1:])
    decoded = Counter[int]()
    for i in seen.iterations:
        decoded[i.end_ns] += i.decode_tokens
    prompts = {i.end_ns for i in seen.iterations if i.prefill_tokens}
    assert set(firsts) <= prompts
    again = seen.preempted if seen.system.preempt == "recompute" else 0
    wasted = sum(r.status == "cancelled" for r in seen.requests)
    assert -wasted <= later.total() - decoded.total() <= again
    behind = 0
    for time in sorted(later.keys() | decoded.keys()):
        more = later[time] - decoded[time]
        behind += more
        assert behind <= again
        if not isinstance(seen.system.delivery, Delay):
            assert more >= 0 or wasted
            assert more <= 0 or (again and time in prompts)


def memory_stays_within_its_capacity(seen: Seen) -> None:
    """Every iteration of every replica; the peak that is reported is the highest of them."""
    for replica in seen.replicas:
        held = [i.kv_tokens for i in seen.of(replica)]
        assert all(0 <= tokens <= seen.cost.kv_capacity for tokens in held)
        assert seen.facts.peak_kv[replica] == max(held, default=0)


def memory_is_what_requests_hold(seen: Seen) -> None:
    """The log's memory, batch and queue, added up from the deliveries.

    Left out: runs with moves and delays, where deliveries do not say who is in a batch and when a token
    was made, and with limits of 0, which lose requests that iterations of the same moment still count.
    """
    if seen.system.disaggregated or seen.preempted or isinstance(seen.system.delivery, Delay):
        return
    if any(r.status == "cancelled" and r.end == r.arrival for r in seen.requests):
        return
    for i in seen.iterations:
        batch = [r for r in seen.on(i.replica) if _is_in(r, i.start_ns)]
        assert i.running == len(batch)
        assert i.kv_tokens == sum(_held(r, i.start_ns) for r in batch) + i.decode_tokens
        here = [r for r in seen.on(i.replica) if r.is_here(i.start_ns)]
        assert i.queued == len(here) - len(batch)


def _is_in(r: Request, now: int) -> bool:
    return r.begun is not None and r.begun <= now < r.end


def _held(r: Request, now: int) -> int:
    """The whole context until the first token; then the newest token has no KV yet."""
    made = r.made(now)
    return r.input + made - (1 if made else 0)


def no_token_before_its_prompt(seen: Seen) -> None:
    """Nobody has a token before as many prompt tokens were computed as those with one have asked."""
    together = seen.system.disaggregated is None
    pools = [[j] for j in seen.prefill_replicas] if together else [list(seen.prefill_replicas)]
    for pool in pools:
        served = [r for r in seen.requests if r.times and (not together or r.replica in pool)]
        work = [i for i in seen.iterations if i.replica in pool]
        for r in served:
            done = sum(i.prefill_tokens for i in work if i.end_ns <= r.times[0])
            assert done >= sum(o.input for o in served if o.times[0] <= r.times[0])
            own = Counter[int]()
            for i in work:
                if r.begun is not None and r.begun <= i.start_ns and i.end_ns <= r.times[0]:
                    own[i.replica] += i.prefill_tokens
            assert max(own.values()) >= r.input
        if not seen.preempted and not isinstance(seen.system.delivery, Abandon):
            computed = sum(i.prefill_tokens for i in work)
            assert computed == sum(r.input for r in served)


def no_second_token_before_its_kv_has_come(seen: Seen) -> None:
    """Prompts here, answers there, and between the two the transfer, whose length is by hand."""
    prefill = seen.prefill_replicas if seen.system.disaggregated else range(0)
    for i in seen.iterations:
        assert not (i.decode_tokens if i.replica in prefill else 0)
        assert not (i.prefill_tokens if prefill and i.replica not in prefill else 0)
    for r in seen.requests:
        assert bool(r.migrations) <= bool(prefill)
        if prefill and len(r.times) > 1:
            assert r.migrations >= 1
            assert r.times[1] > r.times[0] + transfer_ns(seen, r)
            assert r.preemptions or r.migrations == 1


def transfer_ns(seen: Seen, r: Request) -> int:
    """Of the KV of a prompt, rounded up, at least 1 ns."""
    costs = seen.cost.costs()
    return max(1, -(-(costs.transfer_latency + costs.transfer * r.input) // 10**6))


def iterations_keep_their_limits(seen: Seen) -> None:
    """One at a time on a replica, within the token budget and the batch's size; busy is their sum."""
    for replica in seen.replicas:
        own = seen.of(replica)
        assert all(a.end_ns <= b.start_ns for a, b in pairwise(own))
        assert all(i.start_ns < i.end_ns for i in own)
        assert seen.facts.iterations[replica] == len(own)
        assert seen.facts.busy_ns[replica] == sum(i.end_ns - i.start_ns for i in own)
        assert seen.facts.prefill_tokens[replica] == sum(i.prefill_tokens for i in own)
    for i in seen.iterations:
        _keeps_limits(seen, i)


def _keeps_limits(seen: Seen, i: Iteration) -> None:
    assert i.prefill_tokens + i.decode_tokens > 0
    assert i.decode_tokens <= min(seen.system.max_running, i.running)
    assert i.running <= seen.system.max_running or seen.system.order == "pace"
    if seen.system.prefill == "chunked":
        assert i.prefill_tokens + i.decode_tokens <= seen.system.budget
    else:
        longest = max(r.input + r.wanted - 1 for r in seen.requests)
        assert not (i.prefill_tokens and i.decode_tokens)
        assert i.prefill_tokens <= max(seen.system.budget, longest)


def no_replica_is_idle_while_it_could_work(seen: Seen) -> None:
    """Work-conserving, said of what each kind of replica could do (docs/simulator.md, section 4)."""
    if seen.system.disaggregated is None:
        for replica in seen.replicas:
            _works_while_anyone_is_here(seen, replica)
    elif not isinstance(seen.system.delivery, Delay):
        _prompts_wait_for_room_alone(seen)
        for replica in seen.replicas[len(seen.prefill_replicas) :]:
            _answers_wait_for_kv_alone(seen, replica)


def _works_while_anyone_is_here(seen: Seen, replica: int) -> None:
    """An empty batch has room for any request that was not turned away; so idle means: nobody here.

    Delayed tokens were made before they were delivered: then idle means that all that was asked so far
    is computed.
    """
    for begin, end in seen.idle(replica):
        if isinstance(seen.system.delivery, Delay):
            _all_is_computed(seen, replica, begin, end)
            continue
        assert not any(max(begin, r.arrival) < min(end, r.end) for r in seen.on(replica))


def _all_is_computed(seen: Seen, replica: int, begin: int, end: int) -> None:
    asked = [r for r in seen.on(replica) if r.arrival < end and r.status == "ok"]
    done = [i for i in seen.of(replica) if i.end_ns <= begin]
    missing = sum(r.wanted - 1 for r in asked) - sum(i.decode_tokens for i in done)
    again = sum(r.preemptions for r in asked) if seen.system.preempt == "recompute" else 0
    assert 0 <= missing <= again
    assert sum(i.prefill_tokens for i in done) >= sum(r.input for r in asked)


def _prompts_wait_for_room_alone(seen: Seen) -> None:
    """A prefill replica idles beside waiting prompts only if KV that nobody fetched leaves no room.

    One prefill replica, and nobody sent back to it: else the deliveries do not say who waits where.
    """
    if len(seen.prefill_replicas) > 1 or seen.preempted:
        return
    for begin, end in seen.idle(0):
        for now in {begin, *(r.arrival for r in seen.requests if begin <= r.arrival < end)}:
            waiting = [r for r in seen.requests if not r.times and r.is_here(now)]
            waiting += [r for r in seen.requests if r.times and r.arrival <= now < r.times[0]]
            if waiting:
                left_here = [r.input for r in seen.requests if _has_kv_left(r, now)]
                head = max(r.input for r in waiting)
                assert sum(left_here) + head > seen.cost.kv_capacity


def _has_kv_left(r: Request, now: int) -> bool:
    """Whether the KV of its prompt may still be on the prefill replica: until its second token."""
    return bool(r.times) and r.times[0] <= now and r.made(now) < 2 and r.wanted > 1


def _answers_wait_for_kv_alone(seen: Seen, replica: int) -> None:
    """A decode replica idles beside requests only while KV is on its way to it.

    Its batch is empty or in transfer, and an empty one has room; so no stretch outlasts the transfers
    of those who came by its end. If there is room for all, nobody waits from his second token on. Requests that are sent back by recomputation are left out: when they are
    here and when elsewhere the deliveries do not say.
    """
    if seen.preempted and seen.system.preempt == "recompute":
        return
    of_here = [r for r in seen.on(replica) if r.times and r.wanted > 1]
    has_room = sum(r.input + r.wanted for r in seen.requests) <= seen.cost.kv_capacity
    for begin, end in seen.idle(replica):
        if has_room:
            decoding = [(r.times[1], r.end) for r in of_here if len(r.times) > 1]
            assert not any(max(begin, a) < min(end, b) for a, b in decoding)
        waits = [(max(begin, r.times[0]), min(end, r.end)) for r in of_here]
        waits = sorted((a, b) for a, b in waits if a < b)
        if waits:
            until = max(b for _, b in waits)
            coming = [r for r in of_here if _cut(r) or (r.times[0] < until and waits[0][0] < r.end)]
            assert _covered(waits) <= sum(transfer_ns(seen, r) for r in coming)


def _covered(stretches: list[tuple[int, int]]) -> int:
    """The length of their union; they come sorted."""
    total, reached = 0, 0
    for begin, end in stretches:
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _cut(r: Request) -> bool:
    """Its transfer goes on when it is abandoned."""
    return r.status == "cancelled"


EVERY: tuple[Law, ...] = (
    everyone_is_accounted_for,
    turns_follow_one_another,
    tokens_come_once_and_in_order,
    memory_stays_within_its_capacity,
    memory_is_what_requests_hold,
    no_token_before_its_prompt,
    no_second_token_before_its_kv_has_come,
    iterations_keep_their_limits,
    no_replica_is_idle_while_it_could_work,
)
