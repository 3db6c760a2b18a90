"""Lines of a file in blocks are the lines one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.readers import json_lines
from sgengine.readers.json_lines import Cutter, blocks, lines

_line = st.sampled_from([b"", b" ", b"{}", b'{"a": 1}', b"\t[1, 2]\x0b", b"x" * 90, b" y \x0c"])
_end = st.sampled_from([b"\n", b"\r\n", b"\n\n"])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lines") / "lines.jsonl"


@given(
    st.lists(st.tuples(_line, _end), max_size=12),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 7, 50, 1000]),
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
def test_blocks_hold_the_lines_of_the_file(path, rows, is_marked, is_ended, size, span):
    data = (b"\xef\xbb\xbf" if is_marked else b"") + b"".join(a + b for a, b in rows)
    path.write_bytes(data if is_ended else data.removesuffix(b"\n"))
    begins = [line.start for line in lines(str(path))]
    start = max((begin for begin in begins if begin <= span[0]), default=0)
    for stop in (None, start + span[1]):
        expected = list(lines(str(path), start, stop, 5))
        found = list(blocks(str(path), size, start, stop, 5)) if size == 1000 else None
        lists = [list(block.lines()) for block in blocks(str(path), size, start, stop, 5)]
        assert [line for some in lists for line in some] == expected
        assert found is None or len(found) <= 1
        for some in lists[:-1]:
            assert sum(len(line.text) for line in some[:-1]) < size
            assert sum(len(line.text) for line in some) >= size


def test_ranges_begin_at_the_same_lines_seen_one_by_one_or_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "RANGE_BYTES", 300)
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(f"{'x' * (7 * n % 200)}\n" for n in range(200)))
    for size in (1, 100, 5000, 10**6):
        single, blockwise = Cutter(), Cutter()
        for line in lines(str(path)):
            single.see(line)
        for block in blocks(str(path), size):
            blockwise.see_all(block)
        assert single.pieces(str(path)) == blockwise.pieces(str(path))
