"""The import contracts of pyproject.toml hold."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

CONTRACTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def python(repo, code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def linter(repo):
    return tomllib.loads((repo / "pyproject.toml").read_text())["tool"]["importlinter"]


def test_import_contracts_hold(repo):
    pytest.importorskip("importlinter")
    result = python(repo, CONTRACTS)
    assert result.returncode == 0, result.stdout + result.stderr


def test_layers_are_those_of_the_architecture_page(repo, linter):
    page = (repo / "docs" / "architecture.md").read_text()
    table = page[page.index("| layer |") :].partition("\n\n")[0].splitlines()[2:]
    drawn = [set(re.findall(r"`(\w+)(?:/|\.py)`", row.split("|")[1])) for row in table]
    (layers,) = (c["layers"] for c in linter["contracts"] if c["type"] == "layers")
    rooms = iter([set(re.findall(r"\w+", layer)) for layer in layers])
    for row in drawn:
        seen = set()
        while seen < row:  # a row of the table may be drawn as several layers
            seen |= next(rooms)
        assert seen == row
    assert next(rooms, None) is None


def test_every_contract_watches_every_other_room(linter):
    rooms = {
        f"sgengine.{room}"
        for contract in linter["contracts"]
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for room in re.findall(r"\w+", layer)
    }
    homes = {"numba": {"kernels"}, "duckdb": {"views"}, "terminal": {"cli"}}
    for contract in linter["contracts"]:
        if contract["id"] in homes:
            outside = rooms - {f"sgengine.{home}" for home in homes[contract["id"]]}
            assert set(contract["source_modules"]) == outside
