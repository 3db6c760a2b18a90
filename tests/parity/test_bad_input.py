"""Whatever is wrong with a file or a call: one line that says so, and never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sgengine.errors import DataError, SgengineError, UsageError
from sgengine.parity import parity
from tests.effort import LONG
from tests.parity import make
from tests.parity.test_made import SUMMARIES, summary_of

FUZZED = 12 * LONG
"""Damaged copies of each file."""


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 600
    return text


def test_no_input_is_a_wrong_call():
    with pytest.raises(UsageError, match="no input"):
        parity([])


@pytest.mark.parametrize("name", ["absent.json", "none-*.json", "\0"])
def test_a_path_that_is_not_there_is_a_wrong_call(name, tmp_path):
    with pytest.raises(UsageError):
        parity(str(tmp_path / name))


def test_a_folder_without_files_is_named(tmp_path):
    with pytest.raises(DataError, match="holds no files"):
        parity(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"a,b\n1,2\n", "not JSON"),
        (b'{"a": 1}\n', "no benchmark client"),
        (b"[1, 2]", "no benchmark client"),
        (b'{"duration": 1', "damaged"),
        (b"[{]", "damaged"),
    ],
)
def test_a_file_of_no_client_says_what_is_taken(content, said, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        parity(path)
    assert said in one_line(caught.value)
    assert str(path) in str(caught.value)


def test_a_summary_alone_points_to_its_detail(tmp_path):
    make.aiperf(tmp_path)
    with pytest.raises(DataError, match=r"give that"):
        parity(tmp_path / "profile_export_aiperf.json")


@pytest.mark.parametrize("name", SUMMARIES)
@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "\udcff"])
def test_a_damaged_summary_is_one_line(name, content, tmp_path):
    detail = make.EVERY[name](tmp_path)
    (tmp_path / SUMMARIES[name]).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError) as caught:
        parity(detail)
    assert SUMMARIES[name] in one_line(caught.value)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("vllm", ("mean_ttft_ms",)),
        ("llmperf", ("results_ttft_s_mean",)),
        ("aiperf", ("request_latency", "avg")),
    ],
)
def test_a_figure_that_is_no_number_is_one_line(name, path, tmp_path):
    detail = make.EVERY[name](tmp_path)
    place = summary_of(name, detail)
    content = json.loads(place.read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = "quick"
    place.write_text(json.dumps(content))
    with pytest.raises(DataError, match="'quick'") as caught:
        parity(detail)
    assert path[-1] in one_line(caught.value)


def test_arrays_of_different_lengths_are_one_line(tmp_path):
    run = make.vllm_run(newer=False)
    run["ttfts"] = run["ttfts"][1:]
    with pytest.raises(DataError, match="11 ttfts"):
        parity(make.write(tmp_path / "x.json", run))


def test_a_damaged_file_does_not_hide_the_others(tmp_path):
    make.vllm(tmp_path)
    (tmp_path / "bad.json").write_text('{"duration": 1, "completed": 2, "ttfts": "x"}')
    found = parity(tmp_path)
    assert len(found.runs) == 1
    assert len(found.failures) == 1
    assert not found.is_clean


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with some cut, flipped, doubled or replaced."""
    kind = chance.randrange(5)
    at = chance.randrange(len(content))
    if kind == 0:
        return content[:at]
    if kind == 1:
        flipped = bytearray(content)
        for _ in range(3):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        return bytes(flipped)
    if kind == 2:
        return content[:at] + content[at : at + 40] * 2 + content[at + 40 :]
    numbers = [b"null", b"-1", b"1e308", b"[]", b'"x"', b"{}", b"9" * 30, b"true", b"NaN"]
    old = chance.choice([b"0", b"1", b"5.0", b"null", b'""', b": "])
    parts = content.split(old)
    here = chance.randrange(len(parts))
    return old.join(parts[: here + 1]) + chance.choice(numbers) + old.join(parts[here + 1 :])


@pytest.mark.parametrize("name", make.EVERY)
def test_damage_never_gives_a_traceback(name, tmp_path):
    detail = make.EVERY[name](tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    chance = random.Random(name)
    for _ in range(FUZZED):
        path = chance.choice(sorted(files))
        path.write_bytes(damaged(files[path], chance))
        try:
            assert parity(str(detail)).runs
        except SgengineError as error:
            one_line(error)
        path.write_bytes(files[path])


def test_several_inputs_are_taken_once_each(tmp_path):
    path = make.vllm(tmp_path)
    assert len(parity([path, tmp_path, str(Path(tmp_path) / "*.json")]).runs) == 1
