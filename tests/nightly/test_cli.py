"""The verb: what it prints, its exit codes, its log, and processes that wait, collide or are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from sgengine.store import Store
from tests.cli.support import lines, process, refused, run, strict
from tests.effort import LONG
from tests.nightly.support import (
    DAY,
    HOUR,
    NEXT,
    START,
    config,
    json_lines,
    request,
    requests,
    stored,
    write_logs,
)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = config(tmp_path)
    events = [e for k in range(60) for e in request(f"r{k}", START + k * HOUR // 2)]
    write_logs(tmp_path, [*events, *request("next", START + 24 * HOUR)])
    return path


def test_one_closing_line_and_a_line_a_night(job):
    result = run("nightly", "--config", job, "--day", DAY)
    assert result.exit_code == 0
    assert result.stdout == (
        f"nightly prod {DAY}: 1 committed (48 requests, 0 incomplete, 0 rows not measured), "
        "0 unchanged, 0 failed; exit code 0\n"
    )
    (line,) = lines(result.stderr)
    assert line.startswith(f"sgengine: {DAY} committed: 48 requests")


def test_a_document_and_a_log_for_machines(job):
    words = ("nightly", "--config", job, "--since", DAY, "--until", NEXT + timedelta(days=1))
    result = run(*words, "--json", "--log", "json")
    assert result.exit_code == 1
    found = strict(result.stdout)
    assert (found["job"], found["zone"], found["exit_code"]) == ("prod", "UTC", 1)
    assert [night["status"] for night in found["nights"]] == ["committed", "committed", "failed"]
    entries = json_lines(result.stderr)
    assert [e["event"] for e in entries] == ["night_committed", "night_committed", "night_failed"]
    for entry in entries:
        assert {"time", "level", "event", "text", "job", "day"} <= entry.keys()
    assert entries[-1]["level"] == "error"


def test_a_store_of_another_place(job, tmp_path):
    result = run("nightly", "--config", job, "--day", DAY, "--store", tmp_path / "other")
    assert result.exit_code == 0
    assert len(requests(tmp_path / "other")) == 48
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--day", "yesterday"], "day is 'yesterday': give a day, as in 2026-01-31"),
        (["--day", "2026-W05-6"], "give a day"),
        (["--day", str(DAY), "--since", str(DAY)], "give one of them"),
        (["--since", str(DAY)], "give both"),
        (["--since", str(NEXT), "--until", str(DAY)], "give 1 to"),
        (["--day", "1677-12-31"], "from 1678-01-01 to 2261-12-31"),
        (["--since", "2262-01-01", "--until", "9999-12-31"], "from 1678-01-01 to 2261-12-31"),
        (["--wait", "soon"], "wait is 'soon'"),
        (["--config", "nowhere.toml"], "nowhere.toml cannot be read"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(job, words, said):
    refused(run("nightly", "--config", job, *words), 2, said)


def test_a_wrong_call_in_the_log_for_machines(job):
    result = run("nightly", "--config", job, "--since", DAY, "--log", "json")
    (entry,) = json_lines(result.stderr)
    assert (result.exit_code, entry["event"], entry["level"]) == (2, "failed", "error")


# --- Processes ---------------------------------------------------------------------------------------


def nightly(job: Path, *words: object) -> subprocess.Popen:
    return process("nightly", "--config", job, "--day", DAY, "--log", "json", *words)


def test_a_second_job_waits_and_then_has_nothing_to_do(job, tmp_path):
    store = Store.create(tmp_path / "store")
    with store.lock(0):
        first, second = nightly(job), nightly(job)
        waiting = [json.loads(p.stderr.readline()) for p in (first, second)]
        assert [entry["event"] for entry in waiting] == ["waiting"] * 2
    done = [p.communicate(timeout=180) for p in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), done
    events = sorted(json_lines(err)[-1]["event"] for _, err in done)
    assert events == ["night_committed", "night_unchanged"]
    assert len(stored(tmp_path / "store", "nights")) == 1


def test_a_job_that_waited_long_enough_gives_up(job, tmp_path):
    store = Store.create(tmp_path / "store")
    with store.lock(0):
        result = run("nightly", "--config", job, "--day", DAY, "--wait", "200ms")
    assert result.exit_code == 1
    assert "is held by another job for 0.2 s or more" in lines(result.stderr)[-1]


def killed_at(job: Path, root: Path, pattern: str, delay: float) -> int:
    """Run a night, and kill -9 it a little after one more file matches; what the process returned."""
    before = len(list(root.glob(pattern)))
    running = nightly(job, "--force")
    while running.poll() is None and len(list(root.glob(pattern))) <= before:
        time.sleep(0.002)
    time.sleep(delay)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    return running.returncode


def damages(root: Path) -> set[str]:
    return {damage.kind for damage in Store.open(root).verify().damages}


PLACES = ("requests/**/*.parquet", "runs/_delta_log/*.json", "requests/_delta_log/*.json")
"""Files that a commit makes one after another: its rows, the side tables, the commit."""


@pytest.mark.parametrize("seed", range(2 if LONG == 1 else 40))
def test_killed_anywhere_and_run_again_it_is_all_there_once(job, tmp_path, seed):
    rng = Random(seed)
    root = tmp_path / "store"
    assert run("nightly", "--config", job, "--day", DAY).exit_code == 0
    write_logs(tmp_path, request("only", START))
    place = PLACES[(seed + 1) % len(PLACES)]
    codes = (killed_at(job, root, place, rng.uniform(0, 0.02)) for _ in range(5))
    assert next(filter(None, codes), 0) == -signal.SIGKILL  # a busy machine may come too late once
    assert len(requests(root)) in (48, 1)
    assert damages(root) <= {"orphan_file", "views_stale"}
    result = run("nightly", "--config", job, "--day", DAY)
    assert result.exit_code == 0, result.stderr
    assert set(requests(root)) == {"only"}
    (row,) = stored(root, "nights")
    assert row["requests"] == 1
    assert damages(root) <= {"orphan_file"}


def test_another_writer_between_start_and_commit_is_seen(job, tmp_path, monkeypatch):
    """A store whose lock does not hold (another machine's): the commit notices, and the night is retried."""
    from contextlib import nullcontext

    from sgengine.nightly import night

    monkeypatch.setattr(Store, "lock", lambda self, wait_s: nullcontext())
    real, raced = night.record, []

    def record(*given, **more):
        if not raced:
            raced.append(True)
            other = threading.Thread(target=run, args=("nightly", "--config", job, "--day", DAY))
            other.start()
            other.join()
        return real(*given, **more)

    monkeypatch.setattr(night, "record", record)
    result = run("nightly", "--config", job, "--day", DAY, "--log", "json")
    assert result.exit_code == 0
    events = [entry["event"] for entry in json_lines(result.stderr)]
    assert events[-2:] == ["conflict", "night_unchanged"]
    assert len(requests(tmp_path / "store")) == 48
