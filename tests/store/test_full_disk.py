"""A full disk: nothing that was there is lost, nothing is half there, and a re-run heals."""

from __future__ import annotations

import io
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sgengine.store import Store
from tests.effort import faults
from tests.store import actors
from tests.store.actors import COMMITTED, FAILED, ended, started
from tests.store.oracle import expected, read
from tests.store.rows import Told

REPO = Path(__file__).parents[2]
MOUNT = 'mount -t tmpfs -o size=2m none "$1" && exec "$0" -m tests.store.full_disk "$1"'


def small_disk() -> list[str]:
    """The command that may mount a disk of its own, as root or in a namespace; empty for none."""
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which(command[0]):
            probe = [*command, "sh", "-c", "mount -t tmpfs none /mnt"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return command
    return []


def test_a_disk_that_fills_up_loses_nothing_and_a_re_run_heals(tmp_path):
    command = small_disk()
    if not command:
        pytest.skip("no disk can be mounted here; the limit of a file's size is tested below")
    disk = tmp_path / "disk"
    disk.mkdir()
    whole = [*command, "sh", "-c", MOUNT, sys.executable, str(disk)]
    done = subprocess.run(whole, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
    assert {line.partition(":")[0] for line in done.stderr.splitlines()} == {"DataError"}


def limited(root: Path, told: Told, size: int) -> None:
    """Commit a night in a process that may write no file above ``size`` bytes."""
    sys.stderr = io.StringIO()  # what pytest gives it is a file, and may not grow
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    os._exit(actors.outcome(lambda: actors.commit(root, told)))


def test_files_that_may_not_grow_lose_nothing_and_a_re_run_heals(folder):
    root = folder / "store"
    actors.commit(root, Told(revision=0))
    sizes = range(0, 20_000, faults(4_000, 250))
    codes = []
    for turn, size in enumerate(sizes):
        old, new = Told(revision=2 * turn), Told(revision=2 * turn + 1)
        codes.append(ended(started(limited, root, new, size)))
        assert read(root) == expected([old if codes[-1] == FAILED else new])
        actors.commit(root, Told(revision=2 * turn + 2))
        assert read(root) == expected([Told(revision=2 * turn + 2)])
    assert set(codes) == {FAILED, COMMITTED}
    kinds = {damage.kind for damage in Store.open(root).verify().damages}
    assert kinds <= {"orphan_file", "views_stale"}
