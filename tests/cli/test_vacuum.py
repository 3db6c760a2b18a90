"""``sgengine vacuum``: what goes is named, first without removing it; figures stay."""

from __future__ import annotations

import pytest

from tests.cli.support import MS, document, good, refused, run, trace

ARRIVALS = [1_767_225_600_000 * MS + i * 1000 * MS for i in range(4)]


@pytest.fixture
def store(tmp_path):
    """A night that was committed twice."""
    path = trace(
        tmp_path / "x.parquet", [[100, 120 + i, 150] for i in range(4)], arrival_ns=ARRIVALS
    )
    for _ in range(2):
        good("analyze", path, "--store", tmp_path / "store", "--job", "first")
    return tmp_path / "store"


def data(store):
    return {
        str(path.relative_to(store))
        for path in store.rglob("*.parquet")
        if "_delta_log" not in path.parts
    }


def test_what_would_go_is_named_and_then_goes(store):
    before, figures = data(store), document("analyze", store)["groups"]
    *named, last = good("vacuum", store, "--retention", "0d", "--dry-run").splitlines()
    assert named
    assert last == f"{len(named)} files would be removed"
    assert data(store) == before
    assert document("vacuum", store, "--retention", "0d") == {
        "store": str(store),
        "retention_s": 0.0,
        "dry_run": False,
        "files": named,
    }
    assert data(store) == before - set(named)
    assert document("analyze", store)["groups"] == figures
    assert good("vacuum", store, "--retention", "0d") == "0 files removed\n"


def test_young_files_stay(store):
    before = data(store)
    assert (
        good("vacuum", store) == good("vacuum", store, "--retention", "1h") == "0 files removed\n"
    )
    assert data(store) == before


def test_wrong_calls_are_told_in_one_line(store, tmp_path):
    refused(run("vacuum", store, "--retention", "30"), 2, "retention is '30'", "30d")
    refused(run("vacuum", tmp_path / "x.parquet"), 2, "is no store")
    refused(run("vacuum", tmp_path / "nothing"), 2, "is no store")
    newest = max((store / "requests" / "_delta_log").glob("*.json"))
    newest.write_bytes(b"")
    refused(run("vacuum", store), 1, "damaged")
