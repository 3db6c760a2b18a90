"""A disk that fills up while a job writes: ``python -m tests.store.full_disk FOLDER`` on a small disk.

For every amount of room from none to enough it tries a commit: one that does not fit must leave the
old night to be read, and fit once there is room. Prints how many did not fit.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from tests.store import actors
from tests.store.actors import COMMITTED
from tests.store.oracle import expected, read
from tests.store.rows import Told

STEP = 24 << 10
"""Room that a turn has more than the one before it, in bytes."""


def filled(ballast: Path, room: int) -> None:
    """Leave no more than about ``room`` bytes on the disk."""
    with ballast.open("wb", buffering=0) as file:
        size = 4096
        try:
            while True:
                file.write(bytes(size))
        except OSError:
            file.truncate(max(0, file.tell() - room))


def fill(folder: Path) -> int:
    """How many commits did not fit."""
    root, ballast = folder / "store", folder / "ballast"
    actors.commit(root, Told(revision=0))
    for turn in count():
        old, new = Told(revision=turn), Told(revision=turn + 1)
        filled(ballast, turn * STEP)
        code = actors.outcome(lambda told=new: actors.commit(root, told))
        if code == COMMITTED:
            assert read(root) == expected([new])
            return turn
        # A commit that is told as failed may be in the log all the same: its last sync had no room.
        assert read(root) in (expected([old]), expected([new])), turn
        ballast.unlink()
        actors.commit(root, new)
        assert read(root) == expected([new])
    raise AssertionError("a disk never fills up")


if __name__ == "__main__":
    print(fill(Path(sys.argv[1])))
