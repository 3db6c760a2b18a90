"""Rows with one key, against a naive count; hashes equal by chance are no finding."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sgengine.analyze import AnalyzeSettings
from sgengine.check import check, keys
from sgengine.check.keys import Keys, hashes, suspects_in
from sgengine.executors import Serial
from tests.engine.make import plain_row, write

KEYS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "é", "10"])), max_size=30
)


def batch(pairs):
    runs, ids = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.record_batch(
        {
            "run": pa.array(runs, pa.string()).dictionary_encode(),
            "request_id": pa.array(ids, pa.string()),
        }
    )


@given(KEYS, KEYS, st.sampled_from([0, 1 << 20]))
def test_rows_beyond_the_first_of_their_key_are_counted(first, second, limit):
    seen, more = Keys(limit_bytes=limit), Keys(limit_bytes=limit)
    seen.add(batch(first))
    more.add(batch(second))
    seen.merge(more)
    counts = Counter([*first, *second])
    extra, suspects = seen.repeated()
    assert extra == sum(count - 1 for count in counts.values())
    found = suspects_in(batch([*first, *second]), suspects)
    assert found == {key: count for key, count in counts.items() if count > 1}


def test_ids_of_different_runs_differ_and_types_do_not():
    one = hashes(batch([("a", "bc"), ("ab", "c"), ("a", "bc")]))
    assert one[0] == one[2] != one[1]
    plain = pa.record_batch({"run": ["a"], "request_id": pa.array(["bc"], pa.large_string())})
    assert hashes(plain)[0] == one[0]


def test_hashes_that_are_equal_by_chance_are_no_finding(tmp_path, monkeypatch):
    weak = lambda requests: np.zeros(requests.num_rows, dtype=np.int64)  # noqa: E731
    monkeypatch.setattr(keys, "hashes", weak)
    path = write(tmp_path / "x.parquet", [plain_row(k, [5], arrival_ns=k) for k in range(9)])
    found = check([str(path)], AnalyzeSettings(executor=Serial()))
    assert "duplicate_key" not in {each.name for each in found.findings}


def test_a_file_given_twice_over_is_told_with_its_source(tmp_path):
    rows = [plain_row(k, [5], arrival_ns=k) for k in range(9)]
    paths = [str(write(tmp_path / name, rows)) for name in ("a.parquet", "b.parquet")]
    (found,) = [each for each in check(paths).findings if each.name == "duplicate_key"]
    assert (found.count, found.share, found.is_error) == (9, 0.5, True)
    assert found.example.source in paths
    assert "comes 2 times" in found.message
