"""Members found in JSON text: whatever is sure is what a decoder makes of it, down to every byte."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.json_values import LATER, LIST, PLAIN, TEXT, WHOLE
from sgengine.readers.json_shape import Found, shape_of, shape_of_keys
from sgengine.readers.typed import Int32, Int64


class Inner(msgspec.Struct, gc=False):
    """What is inside."""

    unit: str | None = None
    value: int | float | None = None


class Outer(msgspec.Struct, gc=False):
    """An object with members of every kind."""

    name: str
    small: Int32 | None = None
    large: Int64 | None = None
    flag: bool | None = None
    ratio: float | None = None
    inner: Inner | None = None
    needed: Inner = msgspec.field(default_factory=Inner)
    times: list[float] | None = None
    raw: msgspec.Raw = msgspec.Raw(b"null")


PATHS = ("name", "small", "large", "flag", "ratio", "times", "inner.unit", "inner.value")
EXACT = shape_of(Outer, {})
DECODER = msgspec.json.Decoder(Outer)

_numbers = st.integers(-(2**70), 2**70) | st.integers(-9, 9) | st.floats(allow_nan=False)
_scalars = st.none() | st.booleans() | _numbers | st.text(max_size=5)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
_inner = st.fixed_dictionaries(
    {}, optional={"unit": st.text(max_size=4), "value": _numbers | st.none(), "else": _values}
)
_usual = st.fixed_dictionaries(
    {"name": st.text(max_size=5)},
    optional={
        "small": st.integers(-(2**31), 2**31 - 1) | st.none(),
        "large": st.integers(-(2**63), 2**63 - 1),
        "flag": st.booleans() | st.none(),
        "ratio": _numbers,
        "inner": _inner | st.none(),
        "times": st.lists(_numbers, max_size=4) | st.none(),
        "raw": _values,
        "other": _values,
        "näme": _scalars,
    },
)
_odd = st.dictionaries(
    st.sampled_from(["name", "small", "large", "flag", "ratio", "inner", "needed", "times", "x"]),
    _values,
    max_size=5,
)
_written = st.tuples(
    _usual | _odd, st.booleans(), st.sampled_from([None, 1]), st.sampled_from([",", ", ", " ,\t"])
).map(lambda made: written(*made))


def written(value: Any, is_ascii: bool, indent: int | None, comma: str) -> bytes:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent, separators=(comma, ": "))
    return text.encode("utf-8", "surrogatepass")


def found_in(*texts: bytes, shape=EXACT) -> Found:
    """The objects one behind another, with something between them."""
    data = b"x".join([b"", *texts, b""])
    stops = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    starts = stops - np.array([len(text) for text in texts], dtype=np.int64)
    return shape.find(np.frombuffer(data, np.uint8), starts, stops)


def decoded(text: bytes) -> Outer | None:
    try:
        return DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return None


def member(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def agree(text: bytes, found: Found) -> None:
    """What is sure is what the decoder says."""
    whole = decoded(text)
    assert whole is not None, text
    for path in PATHS:
        (value,) = found.values(path)
        assert (None if value is None else json.loads(value)) == member(whole, path)
        if found.has(path, WHOLE).any():
            assert found.numbers(path)[0] == member(whole, path)


@given(st.lists(_written, min_size=1, max_size=4))
def test_what_is_sure_is_what_a_decoder_makes_of_it(texts: list[bytes]) -> None:
    found = found_in(*texts)
    for row, text in enumerate(texts):
        if found.sure[row]:
            agree(text, found.rows(slice(row, row + 1)))


@given(_written, st.data())
def test_damage_is_never_sure_unless_a_decoder_takes_it_too(text: bytes, data) -> None:
    changed = bytearray(text)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        mark = st.sampled_from(b' ,:"[]{}0123456789eE.-+\n\\u\x00\x7f\xc3')
        changed[at : at + 1] = bytes([data.draw(mark)])
    cut = bytes(changed[: data.draw(st.integers(1, len(changed)))])
    for damaged in (bytes(changed), cut):
        found = found_in(damaged)
        if found.sure[0]:
            agree(damaged, found)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "a"}',
        '\t{ "name" : "\\u00e9\\n\\"" , "small" : -2147483647, "x": [{"name": [1, "]"]}, -0.5e+3]}\r',
        '{"name": "é", "large": 8999999999999999999, "ratio": 1, "flag": true, "inner": {}}',
        '{"x": 1e999, "name": "", "raw": {"a": [[], {}]}, "times": [], "inner": {"value": 2.5}}',
    ],
)
def test_what_clients_write_is_sure(text: str) -> None:
    found = found_in(text.encode())
    assert found.sure.all()
    agree(text.encode(), found)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "1", '{"name": "a"} 1', '{"name": "a",}', '{"name" "a"}', '{name: "a"}'),
        *(
            '{"name": 1}',
            '{"name": null}',
            "{}",
            '{"name": "a", "name": "b"}',
            '{"n\\u0061me": "a"}',
        ),
        *('{"name": "a", "small": 2147483648}', '{"name": "a", "small": 1.0}'),
        *('{"name": "a", "large": 9223372036854775808}', '{"name": "a", "x": 01}'),
        *('{"name": "a", "x": -}', '{"name": "a", "x": 1.}', '{"name": "a", "x": .5}'),
        *('{"name": "a", "x": 1e}', '{"name": "a", "x": nul}', '{"name": "a", "x": falsy}'),
        *('{"name": "a", "x": [1 2]}', '{"name": "a", "x": [1,]}', '{"name": "a", "x": [1}}'),
        *('{"name": "a\\x"}', '{"name": "\\ud800"}', '{"name": "\\u12g4"}', '{"name": "a\tb"}'),
        *('{"name": "a", "ratio": 1e999}', '{"name": "a", "inner": []}', '{"name": "a', '{"name"'),
        '{"name": "a", "x": ' + "[" * 30 + "]" * 30 + "}",
    ],
)
def test_what_is_damaged_rare_or_of_other_types_is_not_sure(text: str) -> None:
    assert not found_in(text.encode()).sure.any()


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
)
def test_texts_that_are_no_utf8_are_not_sure(raw: bytes) -> None:
    assert not found_in(b'{"name": "%b"}' % raw).sure.any()
    assert found_in(b'{"name": "a", "x": "%b"}' % raw).sure.all()  # passed over, as by the decoder


@given(st.text(max_size=6))
def test_any_text_in_utf8_is_sure(text: str) -> None:
    value = json.dumps({"name": text}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert found_in(value).sure.all() == (decoded(value) is not None)


def test_lists_left_for_later_hold_no_texts_and_lists_and_are_found_to_their_end() -> None:
    later = shape_of(Outer, {"times": LATER})
    long = ", ".join(map(str, range(100)))
    for inner in ("", "1, 2", "1,, x", long):
        found = found_in(f'{{"name": "a", "times": [{inner}]}}'.encode(), shape=later)
        assert list(found.values("times")) == [f"[{inner}]".encode()]
        assert found.sure.all()
    for inner in ('"]"', "[1]", "{}", f"{long}, [1]", long + ', "a"'):
        text = f'{{"name": "a", "times": [{inner}]}}'.encode()
        assert not found_in(text, shape=later).sure.any()
    assert not found_in(b'{"name": "a", "times": [1', shape=later).sure.any()


def test_closed_objects_have_no_other_keys_and_raw_lists_are_lists() -> None:
    keys = shape_of_keys({"a": 0, "b": 0})
    assert found_in(
        b'{"b": [1], "a": {"c": 1}}', b'{"a": 1, "c": 2}', shape=keys
    ).sure.tolist() == [
        True,
        False,
    ]
    raw = shape_of(Outer, {"raw": LIST, "name": PLAIN})
    texts = (b'"raw": [1, "a"]', b'"raw": null', b'"raw": 1', b'"x": "\\n"')
    found = found_in(*(b'{"name": "a", %b}' % text for text in texts), shape=raw)
    assert found.sure.tolist() == [True, True, False, True]
    assert not found_in(b'{"name": "\\n"}', shape=raw).sure.any()


@given(st.lists(st.none() | st.text(max_size=4) | st.integers(0, 99), min_size=1, max_size=5))
def test_columns_are_the_values(values: list[str | int | None]) -> None:
    texts = [json.dumps({"a": value}, ensure_ascii=False).encode() for value in values]
    found = found_in(*texts, shape=shape_of_keys({"a": 0}))
    assert found.sure.all()
    expected = [None if value is None else str(value) for value in values]
    assert found.texts("a").to_pylist() == expected
    assert found.has("a", TEXT).tolist() == [isinstance(value, str) for value in values]
    plain = [value == "ab" for value in values]
    assert found.equal("a", "ab").tolist() == plain
