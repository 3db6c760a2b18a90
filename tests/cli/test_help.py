"""Help that answers: every option with its default and unit, examples that work, and no delay."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys

import click
import pytest

import sgengine
from sgengine.cli.main import cli
from sgengine.cli.options import Choices
from sgengine.objectives import PENALTIES, PRESETS
from sgengine.objectives.slo import ALIASES
from sgengine.readers import FORMATS
from sgengine.schema.enums import DENOMINATORS, ITL_RULES, ORIGINS, POPULATIONS
from tests.cli.support import good, run

VERBS = (
    "analyze",
    "audit",
    "capacity",
    "check",
    "export",
    "gate",
    "nightly",
    "parity",
    "sql",
    "schema",
    "sample",
    "simulate",
    "vacuum",
)
HEAVY = ("duckdb", "llvmlite", "msgspec", "numba", "numpy", "polars", "pyarrow")
HELP = f"""
import json, sys
from sgengine.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))), file=sys.stderr)
"""


def options(verb):
    return [param for param in cli.commands[verb].params if isinstance(param, click.Option)]


def option_help(verb, name):
    (found,) = [option.help for option in options(verb) if name in option.opts]
    return found


def test_verbs_are_those_of_the_contract():
    assert sorted(cli.commands) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_speaks_of_a_store_to_commit_to_that_the_verb_has_not(verb):
    if not any("--store" in option.opts for option in options(verb)):
        assert [option.opts for option in options(verb) if "--store" in option.help] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_says_its_default(verb):
    for option in options(verb):
        assert option.help
        assert "[default: " in option.help or option.show_default, option.opts


@pytest.mark.parametrize("verb", VERBS)
def test_every_duration_and_number_says_its_unit(verb):
    for option in options(verb):
        if option.metavar == "DURATION":
            assert "ms or with a unit" in option.help
    if verb in ("analyze", "sql"):
        assert "tokens/s" in option_help(verb, "--speed")
        assert "bytes" in option_help(verb, "--memory")


def test_help_names_every_value_that_is_allowed():
    for name, allowed in {
        "--preset": [preset.name for preset in PRESETS],
        "--penalty": PENALTIES,
        "--denominator": DENOMINATORS,
        "--population": POPULATIONS,
        "--itl-rule": ITL_RULES,
        "--origin": ORIGINS,
        "--format": [f.name.removeprefix("deliveries") for f in FORMATS],
        "--goodput": [f"{name}:" for name in set(ALIASES.values())],
    }.items():
        words = option_help("analyze", name)
        assert [value for value in allowed if value not in words] == [], name


def test_analyze_and_sql_share_their_options():
    shared = set(Choices.__dataclass_fields__)
    for verb in ("analyze", "sql"):
        assert shared <= {option.name for option in options(verb)}


def test_defaults_are_those_of_the_library():
    from sgengine.analyze import AnalyzeSettings

    defaults = {option.name: option.default for option in options("analyze")}
    context = cli.commands["analyze"].make_context("analyze", ["x"])
    given = {name: context.params[name] for name in Choices.__dataclass_fields__}
    assert Choices(**given).settings(every_column=True, gaps=True) == AnalyzeSettings(), defaults


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_every_help_has_an_example_to_copy(verb):
    words = good(verb, "--help") if verb else good("--help")
    assert "Examples:\n" in words
    assert re.search(rf"^  sgengine {verb or 'analyze'}\b", words, re.MULTILINE)
    assert max(map(len, words.splitlines())) <= 80


def test_version():
    assert sgengine.__version__ in good("--version")


def test_without_a_verb_there_is_help_and_exit_code_2():
    result = run()
    assert result.exit_code == 2
    assert "analyze" in result.stderr + result.stdout


def python(code, *words):
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["analyze", "--help"]])
def test_help_imports_nothing_heavy(words):
    assert json.loads(python(HELP, *words).stderr) == []


def cpu_s(code, *words):
    """Processor time of a child that may keep compiled modules: that of others is not in it."""
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *words], capture_output=True, env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_fast():
    assert any(cpu_s(HELP, "--help") < 0.3 for _ in range(3))


def test_a_small_file_is_analysed_fast_once_it_was(repo):
    small = str(repo / "data" / "prefill-first.parquet")
    assert any(cpu_s(HELP, "analyze", small) < 1.5 for _ in range(3))
