"""The same words give the same file in another process, whatever its hash seed and its threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import good

WORDS = (
    *("--system", "prefill-first,chunked,disaggregated,shortest-first,pace"),
    *("--workload", "chat", "--rate", "8", "--requests", "40", "--seed", "7", "--jitter", "0.2"),
)
ELSEWHERE = {"PYTHONHASHSEED": "4242", "OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "2"}
NEW = pytest.param({"NUMBA_CACHE_DIR": "new"}, id="compiled anew", marks=pytest.mark.slow)


def written(folder: Path, changes: dict[str, str]) -> bytes:
    """The file that a process of its own writes."""
    folder.mkdir()
    command = (sys.executable, "-m", "sgengine", "simulate", "out.parquet", *WORDS)
    environment = {**os.environ, **changes}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return (folder / "out.parquet").read_bytes()


@pytest.mark.parametrize("changes", [pytest.param(ELSEWHERE, id="elsewhere"), NEW])
def test_the_file_is_the_same_byte_for_byte(tmp_path: Path, changes: dict[str, str]) -> None:
    here = tmp_path / "here.parquet"
    good("simulate", here, *WORDS)
    assert written(tmp_path / "there", changes) == here.read_bytes()
