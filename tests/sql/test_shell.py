"""views.sql in DuckDB's own shell, of an older version: the same answers, wherever the store has gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sgengine
from sgengine.sql import load_catalog
from sgengine.views import publish
from tests.cli.support import same
from tests.sql.stored import commit, day, small_night, small_store

SHELL = Path(sys.executable).with_name("duckdb")
RELATIONS = (
    *(item.name for item in load_catalog() if item.kind == "view" and item.public),
    "scored(20)",
    "smooth_goodput(7)",
    "goodput(500, 50)",
)


def shell(views: Path, query: str, folder: Path, **variables: str) -> list[dict]:
    """What the shell prints in ``folder`` once it has read ``views``."""
    own = {name: value for name, value in os.environ.items() if name != "SGENGINE_STORE"}
    command = [SHELL, "-json", "-init", views, "-c", query]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=folder, env=own | variables
    )
    return json.loads(done.stdout or "[]")


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A store with a dimension that came later and a night of another job, moved after its last commit."""
    folder = tmp_path_factory.mktemp("shell")
    store = small_store(folder / "made")
    commit(store, 1, small_night(1, system="it's [50%] ü"), job="a/b")
    publish(store.snapshot())
    return Path(shutil.move(store.root, folder / "mo[v]ed* o'x"))


def test_the_shell_is_an_older_one():
    said = subprocess.run([SHELL, "-version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("v1.5")


def test_a_moved_store_opens(moved, tmp_path):
    """By the working directory, or by a variable of the environment; where it was, there is nothing."""
    views, count = moved / "_sgengine" / "views.sql", "SELECT count(*) AS n FROM requests"
    assert shell(views, count, moved) == [{"n": 4}]
    assert shell(views, count, tmp_path, SGENGINE_STORE=str(moved)) == [{"n": 4}]
    with pytest.raises((subprocess.CalledProcessError, json.JSONDecodeError)):
        shell(views, count, tmp_path)


def test_a_store_that_stays_opens_from_anywhere(tmp_path):
    store = small_store(tmp_path / "st'o re", nights=1)
    publish(store.snapshot())
    views = Path(store.root, "_sgengine", "views.sql")
    assert shell(views, "SELECT day FROM nights", Path("/")) == [{"day": str(day(0))}]


@pytest.mark.slow
def test_every_view_and_macro_answers_alike(moved):
    """In one shell, each relation as one list of its rows in JSON, against ``connect``."""
    whole = "SELECT to_json(list(t)) AS rows FROM (FROM {} ORDER BY ALL) AS t"
    query = " UNION ALL ".join(f"({whole.format(name)})" for name in RELATIONS)
    found = shell(moved / "_sgengine" / "views.sql", query, moved)
    with sgengine.connect(moved) as con:
        expected = con.sql(query).fetchall()
    for name, row, (text,) in zip(RELATIONS, found, expected, strict=True):
        told = row["rows"] if isinstance(row["rows"], list | None) else json.loads(row["rows"])
        assert alike(told, None if text is None else json.loads(text)), name


def alike(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return same(one, other)


def test_nights_are_chosen_by_variables(moved):
    chosen = f"SET VARIABLE sg_since = DATE '{day(2)}'; SELECT DISTINCT day FROM requests"
    assert shell(moved / "_sgengine" / "views.sql", chosen, moved) == [{"day": str(day(2))}]
