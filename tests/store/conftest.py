"""Where the stores of these tests lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effort import faults

MEMORY = Path("/dev/shm")


def has_room(path: Path) -> bool:
    """Whether a gigabyte can be written there; containers often have 64 MB."""
    return os.access(path, os.W_OK) and shutil.disk_usage(path).free > 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder: in memory in the short form, where it halves the time, else on the disk."""
    if faults(1, 0) and has_room(MEMORY):
        made = Path(tempfile.mkdtemp(prefix="sgengine-", dir=MEMORY))
        yield made
        shutil.rmtree(made)
    else:
        yield tmp_path
