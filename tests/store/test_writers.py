"""Two jobs at once, as two processes: one wins a night, both win different ones, a lock makes waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from deltalake import DeltaTable

from sgengine.errors import DataError
from sgengine.store import Night, Store
from tests.effort import faults
from tests.store import actors
from tests.store.actors import COMMITTED, CONFLICT, CONTEXT, FAILED, ended, started
from tests.store.oracle import expected, read, read_delta
from tests.store.rows import FIRST_DAY, Told, day

ROUNDS = faults(2, 25)


def raced(root, *nights):
    """The exit codes of a writer a night, all released at once right before their transactions."""
    barrier = CONTEXT.Barrier(len(nights))
    racers = [started(actors.racer, root, told, barrier) for told in nights]
    return [ended(racer) for racer in racers]


def test_of_two_writers_of_a_night_one_commits_and_the_other_is_told(folder):
    root = folder / "store"
    actors.commit(root, Told(revision=0))
    for turn in range(1, ROUNDS + 1):
        both = [Told(revision=2 * turn), Told(revision=2 * turn + 1)]
        codes = raced(root, *both)
        assert sorted(codes) == [COMMITTED, CONFLICT]
        assert read(root) == expected([both[codes.index(COMMITTED)]])
    assert read_delta(root) == read(root)
    (ticket,) = Store.open(root).begin([Night("nightly", FIRST_DAY)]).committed.values()
    assert ticket.seq == ROUNDS + 1


def test_of_two_first_writers_of_a_night_one_commits(folder):
    # The case that doubles rows in what deltalake takes for no conflict (test_deltalake.py).
    root = folder / "store"
    Store.create(root)
    for turn in range(ROUNDS):
        both = [Told(revision=2 * turn + k, day=day(turn)) for k in (0, 1)]
        codes = raced(root, *both)
        assert sorted(codes) == [COMMITTED, CONFLICT]
        won = both[codes.index(COMMITTED)]
        assert read(root)[won.job, won.day] == expected([won])[won.job, won.day]
    assert len(read(root)) == ROUNDS
    assert read_delta(root) == read(root)


def test_two_writers_of_different_nights_both_commit(folder):
    root, held = folder / "store", {}
    for turn in range(1, ROUNDS + 1):
        both = [Told(revision=turn, day=day(k), job=f"job {k}") for k in (0, 1)]
        assert raced(root, *both) == [COMMITTED, COMMITTED]
        held |= {told.job: told for told in both}
        assert read(root) == expected(held.values())
    assert read_delta(root) == read(root)


def test_many_make_a_store_at_once_and_all_commit(folder):
    root = folder / "store"
    nights = [Told(revision=k, day=FIRST_DAY + timedelta(k)) for k in range(faults(3, 8))]
    assert raced(root, *nights) == [COMMITTED] * len(nights)
    assert read(root) == read_delta(root) == expected(nights)


def test_a_compaction_by_another_program_doubles_nothing(folder):
    # It drops the transactions by which deltalake would tell, and its own retries let both pass.
    root = folder / "store"
    actors.commit(root, Told(revision=1))
    assert ended(started(actors.outrun, root, Told(revision=2))) == FAILED
    assert DeltaTable(root / "requests").count() == Told(revision=1).requests
    with pytest.raises(DataError, match="another program"):
        read(root)
    max((root / "requests" / "_delta_log").glob("*.json")).unlink()
    actors.commit(root, Told(revision=2))
    assert read(root) == read_delta(root) == expected([Told(revision=2)])


def test_the_lock_makes_jobs_wait_and_tells_who_waits_in_vain(folder):
    root = folder / "store"
    store = Store.create(root)
    with store.lock(1):
        waiting = started(actors.patient, root, Told(revision=1), 30)
        assert ended(started(actors.patient, root, Told(revision=2), 0.05)) == FAILED
        assert waiting.is_alive()
        assert read(root) == {}
    assert ended(waiting) == COMMITTED
    killed = started(actors.patient, root, Told(revision=3), 30)
    killed.kill()
    killed.join()
    with store.lock(5):  # which went with the process that was killed
        actors.commit(root, Told(revision=4))
    assert read(root) == expected([Told(revision=4)])
