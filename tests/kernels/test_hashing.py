"""Hashes are fixed for all time; dense codes are exact, whatever collides."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import hashing, text_coding
from sgengine.shuffle import keys

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1",
    reason="the hash wraps at 2^64 by design, which NumPy's scalars take for an error",
)

MASK = 2**64 - 1
ODD = 0x9E3779B97F4A7C15

texts = st.text(max_size=40) | st.binary(max_size=30).map(lambda data: data.hex())
few_texts = st.sampled_from(["", "a", "b", "ab", "ba", "abcdefg", "abcdefgh", "abcdefghi", "é" * 9])
whole = st.integers(-(2**63), 2**63 - 1)
ends_alike = st.binary(min_size=1, max_size=20).map(lambda data: f"{'<' * 8}{data.hex()}{'>' * 16}")
"""Texts that a hash of their ends does not tell apart, if they are of one length."""


def mixed(h: int, word: int) -> int:
    product = ((h ^ word) * ODD) & MASK
    return product ^ (product >> 32)


def short_word(data: bytes) -> int:
    if len(data) >= 4:
        return int.from_bytes(data[:4], "little") | int.from_bytes(data[-4:], "little") << 32
    if not data:
        return 0
    return data[0] | data[len(data) // 2] << 8 | data[-1] << 16


def text_hash(data: bytes) -> int:
    h = len(data) * ODD & MASK
    if len(data) < 8:
        words = [short_word(data)]
    else:
        starts = [*range(0, len(data) - 7, 8)]
        words = [int.from_bytes(data[i : i + 8], "little") for i in starts]
        if starts[-1] + 8 < len(data):
            words.append(int.from_bytes(data[-8:], "little"))
    for word in words:
        h = mixed(h, word)
    return mixed(h, 0)


def test_the_twin_of_the_last_step() -> None:
    product = (7 * ODD) & MASK
    assert mixed(7, 0) == product ^ (product >> 32)


@given(st.lists(texts | few_texts, max_size=20))
def test_texts_hash_as_their_twins(values: list[str]) -> None:
    offsets, data = keys.text_buffers(pa.array(values, pa.string()))
    out = np.empty(len(values), dtype=np.uint64)
    hashing.hash_texts(data, offsets, out)
    assert out.tolist() == [text_hash(value.encode()) for value in values]


@given(st.lists(whole, max_size=20))
def test_whole_numbers_hash_as_their_twins(values: list[int]) -> None:
    out = np.empty(len(values), dtype=np.uint64)
    hashing.hash_int64s(np.array(values, dtype=np.int64), out)
    assert out.tolist() == [mixed(mixed(0, value & MASK), 0) for value in values]


def test_hashes_never_change() -> None:
    offsets, data = keys.text_buffers(pa.array(["", "abc", "request-0001", "chatcmpl-" + "f" * 32]))
    out = np.empty(4, dtype=np.uint64)
    hashing.hash_texts(data, offsets, out)
    assert [f"{value:016x}" for value in out.tolist()] == EVER


EVER = ["0000000000000000", "c199ba2a2a9a6cbe", "426ea2761748833e", "87793bad2cb6abcf"]


def first_seen(values: list[object]) -> tuple[list[int], list[object]]:
    """Codes and distinct values, by a dict."""
    known: dict[object, int] = {}
    codes = [known.setdefault(value, len(known)) for value in values]
    return codes, list(known)


@given(st.lists(few_texts | st.text("ab", max_size=5), max_size=60), st.integers(0, 3))
def test_codes_of_short_texts_are_in_order_of_appearance(values: list[str], start: int) -> None:
    column = pa.array(["x"] * start + values, pa.string()).slice(start)
    for array in (column, column.cast(pa.large_string())):
        codes, distinct = keys.code_strings(array)
        assert (codes.tolist(), distinct.to_pylist()) == first_seen(list(values))


def is_exact(codes: np.ndarray, distinct: pa.Array, values: list[str]) -> bool:
    """Whether each row has the code of its text, and no two codes one text."""
    same = distinct.take(pa.array(codes)).to_pylist() == values
    return same and len(distinct) == len(set(distinct.to_pylist())) == len(set(values))


@given(st.lists(texts | few_texts | ends_alike, max_size=60), st.integers(1, 5))
def test_codes_of_texts(values: list[str], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_BLOCK", block)
        assert is_exact(*keys.code_strings(pa.array(values, pa.string())), values)


def test_many_texts_with_ends_alike() -> None:
    numbers = np.random.default_rng(3).integers(0, 6000, 30_000)
    values = [f"user-{'0' * 40}-{number:05d}-{'f' * 30}" for number in numbers]
    # The first ones are told apart by their ends, and known when others are not.
    values = [f"request-{number % 500}" for number in numbers[:20_000]] + values
    assert is_exact(*keys.code_strings(pa.array(values)), values)


@given(st.lists(whole | st.integers(0, 9), max_size=60))
def test_codes_of_whole_numbers(values: list[int]) -> None:
    codes, distinct = keys.code_whole_numbers(np.array(values, dtype=np.int64))
    assert (codes.tolist(), distinct.tolist()) == first_seen(list(values))


@pytest.mark.parametrize("spread", [1, 3, 10**12 + 7])
def test_tables_grow(spread: int) -> None:
    values = [int(v) * spread for v in np.random.default_rng(2).integers(0, 50_000, 120_000)]
    codes, distinct = keys.code_whole_numbers(np.array(values))
    assert (codes.tolist(), distinct.tolist()) == first_seen(list(values))
    names = [f"{value:x}" for value in values]
    codes, texts_ = keys.code_strings(pa.array(names))
    assert (codes.tolist(), texts_.to_pylist()) == first_seen(list(names))


def test_texts_of_one_hash_are_told_apart() -> None:
    values = ["left", "right", "left", "other", "right"]
    offsets, data = keys.text_buffers(pa.array(values))
    slots = np.full(16, -1, dtype=np.int64)
    out = np.empty(5, dtype=np.int32)
    text_coding.code_texts(
        data,
        offsets,
        np.full(5, 42, dtype=np.uint64),
        0,
        0,
        slots,
        np.empty(64, dtype=np.uint8),
        np.zeros(9, dtype=np.int64),
        np.empty(8, dtype=np.uint64),
        out,
    )
    assert out.tolist() == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("power", [0, 40])
@given(st.lists(few_texts | texts | ends_alike, max_size=40))
def test_columns_of_alike_hashes_are_coded_exactly(power: int, values: list[str]) -> None:
    """Texts of one length have one hash here, and at power 40 all begin at one slot."""

    def alike(_: object, offsets: np.ndarray, out: np.ndarray) -> None:
        out[:] = np.diff(offsets).astype(np.uint64) << np.uint64(power)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "hash_texts", alike)
        assert is_exact(*keys.code_strings(pa.array(values, pa.string())), values)


@given(st.lists(st.tuples(st.sampled_from("xy"), few_texts | texts), min_size=1, max_size=30))
def test_runs_and_ids_together_are_the_key(pairs: list[tuple[str, str]]) -> None:
    runs = pa.array([run for run, _ in pairs]).dictionary_encode()
    ids = pa.array([id_ for _, id_ in pairs], pa.string())
    for column in (ids, ids.dictionary_encode()):
        found = keys.coded(column, runs)
        rows = found.keys.take(pa.array(found.codes)).to_pylist()
        assert [(row["run"], row["request_id"]) for row in rows] == pairs
        assert found.keys.num_rows == len(set(pairs))


BUCKETS = """
import pyarrow as pa
from sgengine.shuffle import keys
ids = pa.array([f"r{i}" for i in range(50)])
print(keys.buckets_of(keys.coded(ids, "run").keys, 16).tolist())
"""


def test_buckets_do_not_depend_on_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "2" else "2"
    said = subprocess.run(
        [sys.executable, "-c", BUCKETS],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
    ).stdout
    exec(BUCKETS, {})
    assert said == capsys.readouterr().out


def test_buckets_are_about_even() -> None:
    for ids in (pa.array(range(100_000)), pa.array([f"chatcmpl-{i:032x}" for i in range(100_000)])):
        buckets = keys.buckets_of(keys.coded(ids, "r").keys, 100)
        counts = np.bincount(buckets, minlength=100)
        assert counts.min() > 800
        assert counts.max() < 1200
