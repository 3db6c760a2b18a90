"""Writers that stop dead: at every step of a commit, and killed at any moment."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sgengine.store import STORE_TABLES, Store
from tests.effort import faults
from tests.store import actors
from tests.store.actors import COMMITTED, CRASHED, KILLED, ended, started
from tests.store.oracle import expected, read, read_delta
from tests.store.rows import Told, day

AT_MOST = 99
"""More steps than a commit of these tests has."""


def is_whole(root: Path) -> bool:
    """Whether nothing about the store is an error; what a crash may leave is no damage."""
    kinds = {damage.kind for damage in Store.open(root).verify().damages}
    return kinds <= {"orphan_file", "views_stale"}


def nights(revision: int, days: int = faults(1, 3)) -> list[Told]:
    """A commit of a few days."""
    return [Told(revision=revision, day=day(number), systems=("a",)) for number in range(days)]


def test_a_crash_at_any_step_leaves_the_old_or_the_new_and_a_re_run_heals(folder):
    root, log = folder / "store", folder / "log"
    other = Told(revision=9, day=day(7), job="another")
    actors.commit(root, other)
    actors.commit(root, *nights(0))
    held = nights(0)
    for step in range(AT_MOST):
        new, healed = nights(2 * step + 1), nights(2 * step + 2)
        log.write_text("")
        code = ended(started(actors.writer, root, new, log, step))
        steps = log.read_text().splitlines()
        if code == COMMITTED:
            break
        assert (code, len(steps)) == (CRASHED, step + 1)
        held = new if "committed" in steps else held
        assert read(root) == expected([other, *held]), steps
        if step % faults(4, 1) == 0:
            assert is_whole(root)
            actors.commit(root, *healed)
            held = healed
            assert read(root) == expected([other, *held])
    assert {"staged", "side gaps", "side nights", "swap", "committed", "durable", "views"} <= {
        *steps
    }
    assert read(root) == read_delta(root) == expected([other, *new])
    assert is_whole(root)


def test_a_crash_while_a_store_is_made_leaves_none_or_a_whole_one(folder):
    for step in range(0, AT_MOST, faults(2, 1)):
        root, log = folder / f"store{step}", folder / f"log{step}"
        assert ended(started(actors.writer, root, nights(1), log, step)) == CRASHED
        steps = log.read_text().splitlines()
        if Store.is_store(root):
            assert read(root) == {}
        actors.commit(root, *nights(2))
        assert read(root) == expected(nights(2))
        if any(name.startswith("staged ") for name in steps):
            break
    assert steps[:7] == [*(f"created {name}" for name in STORE_TABLES), "created store"]


def test_kill_9_at_any_moment_loses_and_doubles_nothing(folder):
    root, log = folder / "store", folder / "log"
    days = (day(0), day(1))
    random.seed(5)
    actors.commit(root, *(Told(revision=0, day=each) for each in days))
    killed, held = 0, 0
    for turn in range(faults(10, 200)):
        log.write_text(f"{held}\n")
        process = started(actors.rewriter, root, days, held + 1, log)
        time.sleep(random.uniform(0.01, faults(1, 2) * 0.3))
        process.kill()
        killed += ended(process) == KILLED
        told = int(log.read_text().split("\n")[-2])
        seen = read(root)
        (held,) = {revision for night in seen.values() for revision in night.runs}
        assert told <= held <= told + 1, "what was told as committed is there"
        assert seen == expected(Told(revision=held, day=each) for each in days)
        if turn % faults(3, 1) == 0:
            held += 1
            actors.commit(root, *(Told(revision=held, day=each) for each in days))
            assert read(root) == expected(Told(revision=held, day=each) for each in days)
    assert killed == faults(10, 200)
    assert read_delta(root) == expected(Told(revision=held, day=each) for each in days)
    assert is_whole(root)
