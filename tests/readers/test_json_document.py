from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import FormatError
from sgengine.readers.json_document import Cursor, cut, decoded

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.json"


def opened(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Cursor(str(path))


def walked(cursor):
    """The value at a cursor, put together from its smallest parts."""
    first = cursor.peek()
    if first == b"{":
        return {key: walked(cursor) for key in cursor.members()}
    if first == b"[":
        return [walked(cursor) for _ in cursor.elements()]
    return json.loads(cursor.text(cursor.skip()))


@given(values, st.sampled_from([None, 0, 2]), st.booleans())
def test_a_walk_finds_every_value(tmp_path_factory, value, indent, ascii_only):
    path = tmp_path_factory.mktemp("x") / "x.json"
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    cursor = opened(path, text.encode(errors="surrogatepass"))
    assert repr(walked(cursor)) == repr(json.loads(text))
    cursor.finish()
    whole = Cursor(str(path))
    assert whole.skip() == (0, len(text.encode(errors="surrogatepass")))


@given(values)
def test_nan_and_infinity_become_null_outside_of_texts(value):
    text = json.dumps(value)
    found = json.loads(text, parse_constant=lambda _: None)
    decoder = msgspec.json.Decoder(msgspec.Raw)
    try:
        raw = decoded(decoder, text.encode())
    except msgspec.DecodeError:  # a lone surrogate
        return
    assert repr(json.loads(bytes(raw))) == repr(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2", "cut off"),
        ('["a', "damaged at byte 1"),
        ("[1 2]", "a comma or ] is due"),
        ("[1,]", "a value is due"),
        ('{"a" 1}', "a colon is due"),
        ("{a: 1}", "a key is due"),
        ('{"a": 1', "cut off"),
        ('{"a": ', "cut off"),
        ('{"a": [}', "a value is due"),
        ("[", "cut off"),
    ],
)
def test_what_breaks_the_grammar_is_said_with_its_place(path, text, says):
    cursor = opened(path, text)
    with pytest.raises(FormatError, match=says) as caught:
        walked(cursor)
    assert "\n" not in str(caught.value)


def test_another_kind_of_value_than_is_due_is_refused(path):
    with pytest.raises(FormatError, match="an array is due"):
        next(opened(path, "7").elements())
    with pytest.raises(FormatError, match="an object is due"):
        next(opened(path, "[]").members())


def test_more_after_the_end_is_refused(path):
    cursor = opened(path, b"\xef\xbb\xbf [1]\n ")
    cursor.skip()
    cursor.finish()
    cursor = opened(path, "[1] [2]")
    cursor.skip()
    with pytest.raises(FormatError, match="byte 4"):
        cursor.finish()


def test_a_cut_array_shows_every_row_and_null_has_none(path):
    seen = []
    found = cut(opened(path, '[1, {"a": [2]}, "x"]'), 5, lambda text, at: seen.append((text, at)))
    assert seen == [(b"1", 5), (b'{"a": [2]}', 6), (b'"x"', 7)]
    assert (found.rows, len(found.pieces), found.pieces[0].first_row) == (3, 1, 5)
    assert cut(opened(path, "null"), 1, seen.append) == ((), 0)
    assert cut(opened(path, "[]"), 1, seen.append) == ((), 0)


def test_texts_full_of_escapes_and_depths_beyond_measure_are_passed(path):
    text = '["' + '\\"' * 200_000 + '", ' + "[" * 200_000 + "]" * 200_000 + "]"
    assert opened(path, text).skip() == (0, len(text))
    with pytest.raises(FormatError):
        opened(path, '["' + '\\"' * 200_000).skip()
