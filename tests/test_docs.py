"""Documentation cannot rot: commands and snippets run, generated parts are up to date."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import sgengine
from tests.cli.support import good

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = "sh"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def generator() -> ModuleType:
    spec = spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(page: Path) -> list[str]:
    lines = [
        line for block in blocks(page, SHELL) for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line.startswith("sgengine ")]


def files(page: Path) -> dict[str, str]:
    """The files that a page shows whole: TOML whose first line is a comment with its name."""
    named = (re.match(r"# (\S+\.toml)\n", block) for block in blocks(page, "toml"))
    return {found[1]: found.string for found in named if found}


def shell(script: str, folder: Path, **variables: str) -> str:
    """What ``script`` says in ``folder``, all being well."""
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def installed(command: str, folder: Path) -> str:
    """As a reader runs it: from a shell, with the program that was installed."""
    found = Path(sys.executable).parent
    return shell(command, folder, PATH=f"{found}{os.pathsep}{os.environ['PATH']}")


def in_process(command: str, folder: Path) -> str:
    """The words that a shell would give to ``sgengine``, run here: a second less of start a command."""
    words = shell(f"sgengine() {{ printf '%s\\0' \"$@\"; }}\n{command}", folder).split("\0")[:-1]
    return good(*words)


def in_order(run: Callable[[str, Path], str], lines: Sequence[str], folder: Path) -> None:
    (folder / "data").symlink_to(ROOT / "data")
    for line in lines:
        assert run(line, folder), line


@pytest.mark.parametrize("run", [in_process, pytest.param(installed, marks=pytest.mark.slow)])
@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda page: page.name)
def test_every_documented_command_runs(
    page: Path, run: Callable[[str, Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the page, in one folder, with the sample data and the files that it shows."""
    for name, text in files(page).items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    in_order(run, commands(page), tmp_path)


def test_the_first_commands_of_all_run_as_installed(tmp_path: Path) -> None:
    in_order(installed, commands(ROOT / "README.md")[:2], tmp_path)


SNIPPETS = [(page.name, block) for page in PAGES for block in blocks(page, "python")]


@pytest.mark.parametrize(
    ("page", "snippet"), SNIPPETS, ids=[f"{p}:{n}" for n, (p, _) in enumerate(SNIPPETS)]
)
def test_every_documented_snippet_runs(
    page: str, snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    exec(compile(snippet, page, "exec"), {})


QUERIES = [block for page in PAGES for block in blocks(page, "sql")]


def test_every_documented_query_runs() -> None:
    measured = sgengine.measure(sgengine.read(ROOT / "data"))
    con = sgengine.connect(measured, goodput=["ttft:500", "tpot:50"])
    for query in QUERIES:
        assert con.sql(query).to_arrow_table().num_columns > 0
    assert len(QUERIES) >= 5


def test_generated_pages_are_up_to_date() -> None:
    for path, text in generator().pages().items():
        assert path.read_text("utf-8") == text, f"{path.name} is out of date: run make docs"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("*/README.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_public_name_is_documented() -> None:
    for name in sgengine.__all__:
        assert (getattr(sgengine, name).__doc__ or "").strip(), name
