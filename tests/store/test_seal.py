"""The seal of a table: independent of order and of the way to a state; different for other files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sgengine.store.seal import Sealed, moved, seal

FILES = st.builds(
    Sealed,
    name=st.text(max_size=4),
    size=st.integers(0, 3),
    rows=st.integers(0, 3),
    values=st.tuples(st.text(max_size=2), st.text(max_size=2)),
)


@given(files=st.lists(FILES, max_size=8), data=st.data())
def test_order_does_not_show(files, data):
    assert seal(files) == seal(data.draw(st.permutations(files)))


@given(before=st.lists(FILES, max_size=5), gone=st.lists(FILES), added=st.lists(FILES, max_size=5))
def test_moving_is_sealing_anew(before, gone, added):
    after = moved(seal(before + gone), without=seal(gone), added=seal(added))
    assert after == seal(before + added)
    assert 0 <= after < 2**63


@given(one=st.lists(FILES, max_size=3), two=st.lists(FILES, max_size=3))
def test_other_files_have_another_seal(one, two):
    plain = [all("\0" not in text for text in (f.name, *f.values)) for f in (*one, *two)]
    if all(plain):  # no path holds a NUL, by which the parts are told apart
        assert (seal(one) == seal(two)) == (sorted(one) == sorted(two))
