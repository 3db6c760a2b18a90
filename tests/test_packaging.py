"""What is shipped: the files in the wheel, the pinned versions, clean exports, no private paths."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "__pycache__"}
PRIVATE_PATH = re.compile(r"(?<![\w.~*-])/(?:work|root|home/\w+)/")


def shipped_sources(repo):
    """Return what the package consists of, caches left out."""
    return {
        path.relative_to(repo).as_posix()
        for path in (repo / "sgengine").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def project_files(repo):
    """Return the project's own files: caches and hidden tool folders left out."""
    for folder, folders, names in os.walk(repo):
        folders[:] = [
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not (name.startswith(".") and name != ".ci")
        ]
        yield from (repo / os.path.relpath(folder, repo) / name for name in names)


@pytest.fixture(scope="module")
def project(repo):
    return tomllib.loads((repo / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel_names(repo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=repo, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_the_package_and_its_facts_and_nothing_else(repo, project, wheel_names):
    facts = f"sgengine-{project['version']}.dist-info/"
    expected = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert {name for name in wheel_names if name.startswith("sgengine/")} == shipped_sources(repo)
    assert {name for name in wheel_names if not name.startswith("sgengine/")} == {
        facts + name for name in expected
    }


def test_wheel_says_that_it_is_typed(wheel_names):
    assert "sgengine/py.typed" in wheel_names


def test_wheel_holds_every_sql_file(repo, wheel_names):
    files = [path.relative_to(repo).as_posix() for path in repo.glob("sgengine/**/*.sql")]
    if not files:
        pytest.skip("no .sql files yet")
    assert set(files) <= wheel_names


def test_constraints_are_names_and_versions_only_and_cover_the_dependencies(repo, project):
    lines = (repo / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert len(names) == len(set(names))
    assert {re.split(r"[<>=]", need)[0] for need in project["dependencies"]} <= set(names)


def test_no_file_names_a_private_path(repo):
    found = []
    for path in project_files(repo):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # Parquet and pictures
        found += [f"{path.relative_to(repo)}: {hit}" for hit in PRIVATE_PATH.findall(text)]
    assert found == []


def exporting_modules(repo):
    for path in sorted((repo / "sgengine").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                parts = path.relative_to(repo).with_suffix("").parts
                yield ".".join(p for p in parts if p != "__init__"), ast.literal_eval(node.value)


def by_kind(name):
    """CONSTANTS before Classes before functions, each by name: the order the linter keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_exports_are_sorted_and_exist(repo):
    modules = dict(exporting_modules(repo))
    assert "sgengine.schema" in modules
    for module, names in modules.items():
        assert list(names) == sorted(set(names), key=by_kind), module
        assert not [name for name in names if not hasattr(importlib.import_module(module), name)]
