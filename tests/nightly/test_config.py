"""Configurations: what they say, and one line for each way in which they are wrong."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sgengine.errors import UsageError
from sgengine.executors import Threads
from sgengine.nightly import Job, load_job
from sgengine.nightly.patterns import filled, has_day, is_pattern, matches
from tests.nightly.support import DAY, S

WHOLE = """
[store]
path = "results"

[job]
name = "prod"
zone = "Europe/Berlin"
grace = "1800s"
nights = 3
window = "run"
rejected = "allowed"
itl_rule = "spread"
memory = "512MiB"
on = "threads:3"

[objectives]
speed = 20
first_token = "500ms"
goodput = ["ttft:500", "tpot:50"]
denominator = "completed"

[[class]]
name = "batch"
workload = "batch"
alpha = 1
goodput = "e2e:60s"

[[source]]
name = "gateway"
files = ["logs/{day}/*.parquet", "/var/more/{day:%Y%m%d}.jsonl"]
format = "events"
workload = "chat"
origin = "accepted"
zone = "UTC"

[[source]]
name = "own"
files = "own/*.csv"
mapping = "own.toml"
missing = "allowed"

[[output]]
format = "prometheus"
path = "metrics/{day}.prom"
"""


def job_of(folder: Path, text: str) -> Job:
    path = folder / "sgengine.toml"
    path.write_text(text)
    return load_job(str(path))


def test_everything_that_a_configuration_may_say(tmp_path):
    job = job_of(tmp_path, WHOLE)
    assert (job.name, job.nights, job.grace_ns, job.is_window, job.allows_rejects) == (
        "prod",
        3,
        1800 * S,
        False,
        True,
    )
    assert job.store == str(tmp_path / "results")
    assert (job.zone, job.zone_name) == (ZoneInfo("Europe/Berlin"), "Europe/Berlin")
    settings = job.settings
    assert (settings.memory_bytes, settings.executor) == (512 << 20, Threads(workers=3))
    assert (settings.measure.reader.pace_ns, settings.measure.reader.first_ns) == (S // 20, S // 2)
    assert settings.measure.itl_rule == settings.summary.itl_rule == "spread"
    assert settings.summary.denominator == "completed"
    (batch,) = job.classes
    assert batch.objectives.reader == settings.measure.reader
    assert (batch.objectives.benefit.alpha, batch.objectives.slo.clauses()) == (1.0, ("e2e:60s",))
    gateway, own = job.sources
    assert gateway.files == (
        str(tmp_path / "logs/{day}/*.parquet"),
        "/var/more/{day:%Y%m%d}.jsonl",
    )
    assert (gateway.read.format, gateway.read.origin, gateway.is_required) == (
        "events",
        "accepted",
        True,
    )
    assert (own.read.mapping, own.is_required) == (str(tmp_path / "own.toml"), False)
    assert own.zone == job.zone
    assert job.outputs[0].path == str(tmp_path / "metrics/{day}.prom")


SHORT = """
[store]
path = "s"
[job]
name = "j"
[[source]]
name = "a"
files = "a/{day}.jsonl"
"""


def test_what_may_be_left_out(tmp_path):
    job = job_of(tmp_path, SHORT)
    assert (job.zone_name, job.grace_ns, job.nights, job.is_window) == ("UTC", 900 * S, 1, True)
    assert not job.allows_rejects
    assert (job.classes, job.outputs) == ((), ())
    assert load_job(job.path, "elsewhere").store == "elsewhere"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[job]", "[job", "is no TOML"),
        ('[job]\nname = "j"', "", "[job] is missing"),
        ('name = "j"', "", "job.name is missing"),
        ('name = "j"', "name = 3", "job.name is 3; allowed is a text"),
        (
            'name = "j"',
            'name = "j"\ngrace = "soon"',
            "job.grace: grace is 'soon': give a number with",
        ),
        ('name = "j"', 'name = "j"\ngrace = true', "job.grace is True; allowed is a duration"),
        ('name = "j"', 'name = "j"\nzone = "Mars"', "job.zone is 'Mars'; allowed is UTC, +02:00"),
        (
            'name = "j"',
            'name = "j"\nnights = 0',
            "job.nights is 0; allowed is a whole number from 1",
        ),
        ('name = "j"', 'name = "j"\nnights = true', "job.nights is True"),
        ('name = "j"', 'name = "j"\nwindow = "day"', "job.window is 'day'; allowed are night, run"),
        ('name = "j"', 'name = "j"\nmemory = "1 potato"', "job: memory is '1 potato'"),
        ('name = "j"', 'name = "j"\nmemory = "1MiB"', "give 64 MiB or more"),
        ('name = "j"', 'name = "j"\non = "ray"', "job: on is 'ray'"),
        ('name = "j"', 'name = "j"\ngrase = "1s"', "job.grase is unknown; allowed are job.zone"),
        ('path = "s"', "", "store.path is missing"),
        ('path = "s"', 'paht = "s"', "store.paht is unknown; allowed are store.path"),
        ("[store]", "[shop]\n[store]", "shop is unknown; allowed are"),
        (
            "[[source]]",
            "[source]",
            "source is {'name': 'a', 'files': 'a/{day}.jsonl'}; allowed is tables",
        ),
        ('name = "a"', "", "source[1].name is missing"),
        ('files = "a/{day}.jsonl"', "", "source[1].files is missing; give a path or a glob"),
        (
            'files = "a/{day}.jsonl"',
            'files = "a/{date}"',
            "source[1].files is 'a/{date}'; allowed is",
        ),
        ('files = "a/{day}.jsonl"', 'files = "a/{day"', "source[1].files is 'a/{day'"),
        ('files = "a/{day}.jsonl"', "files = [1]", "source[1].files is 1"),
        ('files = "a/{day}.jsonl"', "files = []", "source[1].files is []"),
        (
            'name = "a"',
            'name = "a"\nformat = "tape"',
            "source[1].format is 'tape'; allowed are deliveries",
        ),
        (
            'name = "a"',
            'name = "a"\nmissing = "no"',
            "source[1].missing is 'no'; allowed are error, allowed",
        ),
        (
            'name = "a"',
            'name = "a"\norigin = "x"',
            "source[1].origin is 'x'; allowed are scheduled",
        ),
        ('[[source]]\nname = "a"\nfiles = "a/{day}.jsonl"', "", "[[source]] is missing"),
        (
            "[store]",
            "[objectives]\nspeed = 'fast'\n[store]",
            "objectives.speed is 'fast'; allowed is a number",
        ),
        ("[store]", "[objectives]\nspeed = -1\n[store]", "objectives: "),
        ("[store]", "[objectives]\ngoodput = ['soon:1']\n[store]", "objectives: "),
        (
            "[store]",
            "[objectives]\npreset = 'x'\n[store]",
            "objectives: preset is 'x': give one of",
        ),
        (
            "[store]",
            "[objectives]\ngoodput = 3\n[store]",
            "objectives.goodput is 3; allowed is a list",
        ),
        ("[store]", "[[class]]\nworkload = 'w'\n[store]", "class[1].name is missing"),
        (
            "[store]",
            "[[class]]\nname = 'x'\n[[class]]\nname = 'y'\n[store]",
            "class 'y': its workload and tenant is another class's",
        ),
        (
            "[store]",
            "[[class]]\nname = 'x'\nspeed = 10\ngoodput = ['tokens:0.9@100ms']\n[store]",
            "class[1].goodput has a tokens clause",
        ),
        (
            "[store]",
            "[[output]]\nformat = 'fax'\n[store]",
            "output[1].format is 'fax'; allowed are parquet",
        ),
        (
            "[store]",
            "[[output]]\nformat = 'csv'\n[store]",
            "output[1].path is None; allowed is a file or folder",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, old, new, said):
    assert SHORT.count(old) == 1
    with pytest.raises(UsageError) as caught:
        job_of(tmp_path, SHORT.replace(old, new))
    text = str(caught.value)
    assert said in text
    assert text.startswith(f"the configuration {tmp_path}/sgengine.toml")
    assert "\n" not in text


def test_two_sources_of_one_name(tmp_path):
    with pytest.raises(UsageError, match=r"source.name 'a' is given 2 times"):
        job_of(tmp_path, SHORT + '[[source]]\nname = "a"\nfiles = "b"\n')


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("a/{day}.jsonl", "a/2026-03-02.jsonl"),
        ("{day:%Y/%m}/{day:%d}/*", "2026/03/02/*"),
        ("{{day}}", "{day}"),
        ("plain/*", "plain/*"),
    ],
)
def test_patterns_are_filled_in(pattern, means):
    assert is_pattern(pattern)
    assert filled(pattern, DAY) == means
    assert has_day(pattern) == (pattern not in ("{{day}}", "plain/*"))


@pytest.mark.parametrize("pattern", ["", "{}", "{0}", "{hour}", "{day!r}", "{day.year}", "a{", "}"])
def test_patterns_that_are_none(pattern):
    assert not is_pattern(pattern)


def test_files_of_folders_and_globs_each_once(tmp_path):
    for name in ("a/x.jsonl", "a/b/y.jsonl", "a/.hidden", "a/.git/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    both = (str(tmp_path / "a/b/y.jsonl"), str(tmp_path / "a/x.jsonl"))
    assert matches(str(tmp_path / "a")) == both
    assert matches(str(tmp_path / "**")) == both
    assert matches(str(tmp_path / "none" / "*")) == ()


def test_outputs_are_those_of_export():
    from sgengine.export import FORMATS
    from sgengine.nightly.config import OUTPUTS

    assert sorted(OUTPUTS) == sorted(FORMATS)
