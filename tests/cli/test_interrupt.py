"""Ctrl-C and kill: one line, the right exit code, and nothing half-written."""

from __future__ import annotations

import os
import signal
import time

import pytest

from sgengine.analyze.sinks import ParquetSink
from tests.cli.support import large_trace, process, run

PATIENCE_S = 180
COPIES = 12


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Files that take seconds to measure: one large trace under several names."""
    folder = tmp_path_factory.mktemp("large")
    first = large_trace(folder / "0.parquet", 10_000, 200)
    copies = [folder / f"{i}.parquet" for i in range(1, COPIES)]
    for copy in copies:
        copy.hardlink_to(first)
    return [first, *copies]


def begun(inputs, out):
    """An analysis that has begun to write, with little memory so that it takes several passes."""
    words = ["analyze", *inputs, "--requests", out, "--memory", "64MiB", "--on", "threads:2"]
    made = process(*words)
    give_up = time.monotonic() + PATIENCE_S
    while not list(out.parent.glob(f".{out.name}.*/*")):
        assert made.poll() is None, made.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return made


def ended(made, number):
    made.send_signal(number)
    out, said = made.communicate(timeout=PATIENCE_S)
    assert out == ""
    return made.returncode, said


def test_an_interrupt_leaves_an_older_output_as_it_was(tmp_path, inputs):
    out = tmp_path / "out.parquet"
    out.write_bytes(b"older")
    assert ended(begun(inputs, out), signal.SIGINT) == (130, "sgengine: interrupted\n")
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == b"older"


@pytest.mark.parametrize(
    "pause_s", [0.0, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.005, 0.02))]
)
def test_several_interrupts_are_as_good_as_one(tmp_path, inputs, pause_s):
    """No output and no temporary, as after one."""
    made = begun(inputs, tmp_path / "out.parquet")
    for _ in range(20):
        made.send_signal(signal.SIGINT)
        time.sleep(pause_s)
    out, said = made.communicate(timeout=PATIENCE_S)
    assert (made.returncode, out, said) == (130, "", "sgengine: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_being_terminated_leaves_nothing_either(tmp_path, inputs):
    code, said = ended(begun(inputs, tmp_path / "out.parquet"), signal.SIGTERM)
    assert (code, said) == (128 + signal.SIGTERM, "")
    assert list(tmp_path.iterdir()) == []


def test_being_killed_leaves_an_older_output_as_it_was(tmp_path, inputs):
    out = tmp_path / "out.parquet"
    out.write_bytes(b"older")
    assert ended(begun(inputs, out), signal.SIGKILL)[0] == -signal.SIGKILL
    assert out.read_bytes() == b"older"


def test_an_error_midway_leaves_nothing(tmp_path, inputs, monkeypatch):
    def failing(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ParquetSink, "write", failing)
    result = run("analyze", inputs[0], "--requests", tmp_path / "out.parquet")
    assert (result.exit_code, result.stderr) == (1, "sgengine: No space left on device\n")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names, hidden ones too
