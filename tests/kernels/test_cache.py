"""Compiled kernels on disk: found again, never stale, and no obstacle where nothing can be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sgengine import folders
from sgengine.kernels import _cache, _jit

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"),
    reason="nothing is compiled, and so nothing cached, under NUMBA_DISABLE_JIT",
)

SMALL = """
import json
import numpy as np
from sgengine.kernels import _jit, gaps
times = np.array([0, 5, 300, 1000], dtype=np.int64)
offsets = np.array([0, 4], dtype=np.int64)
one = np.zeros(1, dtype=np.int64)
counts = np.zeros((1, 8000), dtype=np.int64)
scratch = np.empty(gaps.BLOCK, dtype=np.int32)
gaps.count_gaps(times, offsets, one, np.ones(1, dtype=np.uint8), one, counts, scratch)
print(json.dumps({
    "folder": str(_jit.CACHE_FOLDER),
    "counted": [np.flatnonzero(counts[0]).tolist(), int(counts.sum())],
    "hits": sum(gaps.count_gaps.stats.cache_hits.values()),
    "misses": sum(gaps.count_gaps.stats.cache_misses.values()),
}))
"""
COUNTED = [[5, 275, 431], 3]
"""Gaps of 5, 295 and 700 ns: bucket 5, then 256 + (295 - 256) // 2 and 256 + 128 + (700 - 512) // 4."""

ALL = """
import importlib, json, pkgutil
import numpy as np
import pyarrow as pa
from sgengine import kernels
from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.aggregate.focus import edges
from sgengine.compute import MeasureSettings, compute, itl_histogram
from sgengine.compute.envelopes import idle_at
from sgengine.kernels.delivery import smoothed_curve
from sgengine.objectives import DEFAULT_READER
from tests.golden.test_twelve_engine import ROWS
from tests.bridge import batch_of

measured = compute(batch_of(ROWS), MeasureSettings())
codes = np.zeros(len(ROWS), dtype=np.int64)
for rule in ("chunk", "spread"):
    itl_histogram(measured, rule, codes, 1)
idle_at(measured.requests.column("envelope"), DEFAULT_READER)
edges()
found = {}
for module in pkgutil.iter_modules(kernels.__path__):
    for name, value in vars(importlib.import_module(f"sgengine.kernels.{module.name}")).items():
        stats = getattr(value, "stats", None)
        if stats is not None and stats.cache_path is not None and stats.cache_hits is not None:
            found[name] = [sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]
print(json.dumps(found))
"""

ALONE = """
import json, pickle, sys
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from sgengine.kernels import _cache, _jit

target = cpu_target.target_context
rtsys.initialize(target)


def loaded(paths):
    kept = [_cache._unsealed(path) for path in paths]
    return [CompileResult._rebuild(target, *pickle.loads(content)) for content in kept if content]


paths = sorted(_jit.CACHE_FOLDER.glob("*.kernel"))
printing = [path for path in paths if path.name.partition(".")[0] in ("request", "totals", "select", "sift")]
first = len(loaded(printing))
heavy = [name for name in ("numba.np.linalg", "numba.typed.typedlist") if name in sys.modules]
print(json.dumps([first, len(loaded(paths)), heavy]))
"""


def run(code: str, cwd: Path, *before: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", code],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(**changes: str | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **changes}
    return {name: value for name, value in merged.items() if value is not None}


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def copy(repo: Path) -> Iterator[Path]:
    """A folder that anyone can read, with a copy of the package and no caches."""
    folder = Path(tempfile.mkdtemp(prefix="sgengine-test-"))
    folder.chmod(0o755)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repo / "sgengine", folder / "site" / "sgengine", ignore=ignored)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def test_a_second_process_loads_every_kernel_instead_of_compiling_it(repo: Path) -> None:
    found = answer(run(ALL, repo))
    if any(misses for _, misses in found.values()):  # no test before this one compiled them all
        found = answer(run(ALL, repo))
    used = {name: counts for name, counts in found.items() if counts != [0, 0]}
    assert {"in_blocks", "envelope", "envelope_at"} <= set(used)
    assert {"count_gaps", "count_row_samples", "fill_samples"} <= set(used)
    assert {name for name, (hits, misses) in used.items() if misses or not hits} == set()


def test_kernels_are_loaded_without_what_compiles_them(repo: Path) -> None:
    """All that are kept by now: a name in their code that is not known would end the process.

    Some refer to parts of Numba, which are then imported; those of an analysis do not.
    """
    first, count, heavy = answer(run(ALONE, repo))
    if first < 4:  # no test before this one compiled them
        answer(run(ALL, repo))
        first, count, heavy = answer(run(ALONE, repo))
    assert count > first >= 4
    assert heavy == []


def test_a_read_only_installation_works_without_a_home(copy: Path) -> None:
    site, scratch = copy / "site", copy / "scratch"
    scratch.mkdir()
    # No mode keeps root from writing, but nobody can make a folder where a file is.
    (site / "sgengine" / "kernels" / "__pycache__").touch()
    for path in [site, *site.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    env = {"HOME": None, "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None}
    places = {"TMPDIR": str(scratch), "PYTHONPATH": "."}
    found = [answer(run(SMALL, site, **env, **places)) for _ in range(2)]
    assert [each["counted"] for each in found] == [COUNTED, COUNTED]
    assert Path(found[0]["folder"]).is_relative_to(scratch)
    assert [each["misses"] for each in found] == [1, 0]


def as_modes_say() -> tuple[str, ...]:
    """What to put before a command for modes to keep it from writing: root is above them."""
    if os.getuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root, and no setpriv to give up its right to write anywhere")
    return "setpriv", "--bounding-set=-dac_override,-fowner", "--inh-caps=-dac_override,-fowner"


def test_a_folder_that_cannot_be_written_sends_the_cache_home(copy: Path) -> None:
    site, home = copy / "site", copy / "home"
    home.mkdir()
    for path in [*site.rglob("*"), site]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = as_modes_say()
    assert run("open('sgengine/new', 'w')", site, *before, PYTHONPATH=".").returncode != 0
    env = {"HOME": str(home), "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None, "PYTHONPATH": "."}
    found = [answer(run(SMALL, site, *before, **env)) for _ in range(2)]
    assert Path(found[0]["folder"]).parent == home / ".cache"
    assert [each["counted"] for each in found] == [COUNTED, COUNTED]
    assert [each["misses"] for each in found] == [1, 0]


def test_without_any_place_to_write_each_process_compiles_for_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_file = tmp_path / "file"
    a_file.write_text("")

    def nowhere() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(_cache, "_HERE", a_file)
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setenv("HOME", str(a_file))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(a_file))
    assert _cache.cache_folder() is None
    monkeypatch.setattr(_jit, "CACHE_FOLDER", None)

    def double(x: int) -> int:
        return 2 * x

    assert _jit.kernel(double)(21) == 42


@pytest.mark.parametrize("cache", ["", "relative"])
@pytest.mark.parametrize("home", [None, "", "HOME"])
def test_a_cache_directory_that_is_no_absolute_path_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: str, home: str | None
) -> None:
    """Empty, without a home, it ended every command; relative, it was made where the user stood."""
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home and str(tmp_path))
    assert list(folders._of_user()) == [tmp_path / ".cache"] * (home == "HOME")


def test_a_temporary_folder_that_others_can_write_to_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Numba runs what it finds in its cache."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    (place,) = folders._temporary()
    assert place.parent == tmp_path
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o777)
    assert list(folders._temporary()) == []


def test_a_change_of_a_helper_file_is_seen_by_the_kernels_that_use_it(copy: Path) -> None:
    """Numba itself would load the kernel's old code, whose own file did not change."""
    site = copy / "site"
    cache = {"NUMBA_CACHE_DIR": str(copy / "cache"), "PYTHONPATH": "."}
    before = answer(run(SMALL, site, **cache))
    helper = site / "sgengine" / "kernels" / "histogram.py"
    text = helper.read_text()
    small = "np.int32(min(value, _LINEAR)) if"
    assert small in text
    helper.write_text(text.replace(small, "np.int32(0) if"))
    after = answer(run(SMALL, site, **cache))
    assert before["folder"] != after["folder"]
    assert before["counted"] == COUNTED
    assert after["counted"] == [[0, *COUNTED[0][1:]], 3]


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_that_meet_a_cold_cache_at_once_are_all_right(
    repo: Path, tmp_path: Path, count: int
) -> None:
    """The cache is where Numba is told; the next process finds what they left there."""
    env = environment(NUMBA_CACHE_DIR=str(tmp_path))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SMALL], cwd=repo, env=env, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * count
    assert [json.loads(output)["counted"] for output in outputs] == [COUNTED] * count
    again = answer(run(SMALL, repo, NUMBA_CACHE_DIR=str(tmp_path)))
    assert (again["hits"], again["misses"], again["counted"]) == (1, 0, COUNTED)
    (folder,) = tmp_path.iterdir()
    assert Path(again["folder"]) == folder
    assert [path.suffix for path in folder.iterdir()] == [".kernel"]


def test_a_damaged_entry_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off, empty, or with one byte changed in the machine code: none is run, each is replaced."""
    monkeypatch.setattr(_jit, "CACHE_FOLDER", tmp_path)

    def double(x: int) -> int:
        return 2 * x

    assert _jit.kernel(double)(21) == 42
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for damaged in (whole[:-100], b"", bytes(changed)):
        entry.write_bytes(damaged)
        again = _jit.kernel(double)
        assert again(21) == 42
        assert sum(again.stats.cache_misses.values()) == 1  # type: ignore[attr-defined]
        assert entry.read_bytes() != damaged
    again = _jit.kernel(double)
    assert again(21) == 42
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]


def test_each_signature_has_its_own_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever order they are compiled in: two processes cannot exchange their code."""
    monkeypatch.setattr(_jit, "CACHE_FOLDER", tmp_path)

    def add(x: float, y: float) -> float:
        return x + y

    for values in ([(1, 2), (0.5, 0.25)], [(0.5, 0.25), (1, 2)]):
        again = _jit.kernel(add)
        assert [again(*pair) for pair in values] == [x + y for x, y in values]
        assert len(list(tmp_path.iterdir())) == 2
    assert sum(again.stats.cache_hits.values()) == 2  # type: ignore[attr-defined]


def test_folders_of_old_versions_go_but_those_used_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    others = [tmp_path / f"sgengine-{k:016x}" for k in range(folders.KEPT + 3)]
    for k, folder in enumerate(others):
        folder.mkdir()
        (folder / "a.kernel").write_bytes(b"x")
        os.utime(folder, (k, k))
    strangers = [tmp_path / "sgengine-notes", tmp_path / "sgengine-0"]
    for folder in strangers:
        folder.mkdir()
    mine = _cache.cache_folder()
    assert mine is not None
    assert set(tmp_path.iterdir()) == {mine, *others[3:], *strangers}
    others[0].mkdir()
    assert _cache.cache_folder() == mine
    assert others[0].exists()  # only who makes a folder looks at the others


def test_a_folder_that_goes_while_it_is_used_comes_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when another version prunes it, or the disk is full: the next process just compiles."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(_jit, "CACHE_FOLDER", folder)

    def double(x: int) -> int:
        return 2 * x

    assert _jit.kernel(double)(21) == 42
    assert len(list(folder.iterdir())) == 1
    shutil.rmtree(folder)
    folder.write_text("no folder can be made here")
    assert _jit.kernel(double)(21) == 42
