"""``sgengine check STORE``: exit codes, what is named, ``--mend``; no verb answers from damage."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.support import MS, document, good, lines, refused, run, strict, trace

ARRIVALS = [1_767_225_600_000 * MS + i * 1000 * MS for i in range(4)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    path = trace(folder / "x.parquet", [[100, 120 + i, 150] for i in range(4)], arrival_ns=ARRIVALS)
    good("analyze", path, "--store", folder / "store", "--job", "first")
    good("analyze", path, "--store", folder / "store", "--job", "second")
    return folder


@pytest.fixture
def store(made, tmp_path):
    return shutil.copytree(made / "store", tmp_path / "store")


def newest_entry(store):
    return max((store / "requests" / "_delta_log").glob("*.json"))


def test_a_whole_store_exits_with_0(made):
    text = good("check", made / "store")
    assert "8 requests of 8 rows in 2 runs of 1 source\n" in text
    assert text.endswith("0 errors, 0 warnings\n")


def test_stores_and_traces_are_checked_together(made):
    found = document("check", made / "store", made / "x.parquet")
    assert (found["sources"], found["requests"]) == (2, 12)


def test_damage_exits_with_1_and_is_named(store):
    newest_entry(store).write_bytes(b"")
    result = run("check", store, "--json")
    assert result.exit_code == 1
    (found,) = [f for f in strict(result.stdout)["findings"] if f["name"] == "log_entry_damaged"]
    assert found["severity"] == "error"
    assert found["example"]["source"] == str(store)
    assert found["example"]["request"] == str(newest_entry(store).relative_to(store))
    assert "--mend" in found["message"]


def test_mend_sets_aside_and_the_night_is_measured_again(store, made):
    entry = newest_entry(store)
    entry.write_bytes(entry.read_bytes()[:100])
    refused(run("analyze", made / "x.parquet", "--store", store, "--job", "second"), 1, "damaged")
    result = run("check", store, "--mend")
    assert lines(result.stderr) == [
        f"sgengine: set aside {entry.relative_to(store)} of {store}",
    ]
    assert result.exit_code == 0, result.stdout
    assert not entry.exists()
    good("analyze", made / "x.parquet", "--store", store, "--job", "second")
    assert good("check", store).endswith("0 errors, 0 warnings\n")


def test_mend_without_a_store_is_a_wrong_call(made):
    refused(run("check", made / "x.parquet", "--mend"), 2, "--mend is for stores", "x.parquet")


VERBS = {
    "sql": ("sql", "SELECT sum(n_output_tokens) FROM requests"),
    "analyze": ("analyze",),
    "gate": ("gate", "--day", "2026-01-01", "--job", "first"),
    "export": ("export",),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", ["entry", "data file", "gaps"])
def test_no_verb_answers_from_a_damaged_store(store, tmp_path, verb, what):
    if what == "entry":
        newest_entry(store).write_bytes(b"")
    elif what == "gaps":
        shutil.rmtree(store / "gaps")
    else:
        max(store.glob("requests/job=second/**/*.parquet")).unlink()
    words = [*VERBS[verb], store]
    if verb == "export":
        words += ["--to", tmp_path / "out", "--format", "csv"]
    if verb == "gate" and what == "data file":
        return  # it reads the nights of its own job, and those are whole
    result = run(*words)
    assert result.exit_code == 1, result.stdout
    refused(result, 1, str(store) if what == "data file" else "damaged")
    assert result.stdout == ""
