"""Runs the command line, in this process or as its own, and makes small traces for it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner, Result

from sgengine.cli.main import cli

MS = 10**6


def run(*words: object) -> Result:
    """The outcome of ``sgengine WORDS``; an exception that escapes fails the test."""
    result = CliRunner().invoke(cli, [str(word) for word in words], prog_name="sgengine")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    return result


def good(*words: object) -> str:
    """What ``sgengine WORDS`` prints, all being well."""
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def document(*words: object):
    """The JSON that ``sgengine WORDS --json`` prints, all being well."""
    return strict(good(*words, "--json"))


def strict(text: str):
    """``text`` as strict JSON that ends in a newline."""
    assert text.endswith("\n")
    return json.loads(text, parse_constant=refuse)


def lines(text: str) -> list[str]:
    """The lines of stderr, each of which says that it is ours."""
    found = text.splitlines()
    assert all(line.startswith("sgengine: ") for line in found), text
    return found


def refused(result: Result, code: int, *said: str) -> None:
    """One line on stderr that holds what is to be said, and that exit code."""
    (line,) = lines(result.stderr)
    assert result.exit_code == code, line
    for text in said:
        assert text in line
    assert len(line) < 1000


def process(*words: object, environment=(), **settings) -> subprocess.Popen:
    """``sgengine WORDS`` as a process of its own, its output in pipes."""
    command = [sys.executable, "-m", "sgengine", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | dict(environment)
    return subprocess.Popen(command, **(pipes | {"env": variables} | settings))


def trace(path: Path, times: list[list[int]], **columns) -> Path:
    """A DELIVERIES table in Parquet: chunk times in ms, arrivals one second apart."""
    lists = [[time * MS for time in row] for row in times]
    table = pa.table(
        {
            "request_id": [str(i) for i in range(len(times))],
            "clock": ["unix"] * len(times),
            "arrival_ns": [i * 1000 * MS for i in range(len(times))],
            "chunk_times_ns": pa.array(lists, pa.list_(pa.int64())),
        }
        | columns
    )
    pq.write_table(table, path)
    return path


def large_trace(path: Path, requests: int, chunks: int) -> Path:
    """Many requests of ``chunks`` chunks with random gaps of up to 100 ms."""
    gaps = np.random.default_rng(1).integers(1, 100 * MS, (requests, chunks))
    offsets = pa.array(np.arange(requests + 1) * chunks, pa.int32())
    times = pa.ListArray.from_arrays(offsets, pa.array(np.cumsum(gaps, axis=1).ravel()))
    arrivals = np.arange(requests) * MS
    pq.write_table(
        pa.table({"arrival_ns": arrivals, "chunk_times_ns": times}), path, row_group_size=1000
    )
    return path


def same(actual, expected) -> bool:
    """Equal, floats to 1e-12 relative; None only equals None."""
    if isinstance(actual, float) and isinstance(expected, float):
        return math.isclose(actual, expected, rel_tol=1e-12)
    return actual == expected
