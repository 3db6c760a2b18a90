"""How hard the tests try: the short form is part of ``make test``.

Properties whose examples are dear: a third of the profile's examples. Fuzz tests: a few hundred damaged
files a format, thousands with ``make test-long``. Fault tests of the store: tens of faults, hundreds
with ``make test-faults`` and ``make test-long``.
"""

from __future__ import annotations

import os

from hypothesis import settings

LONG = 12 if os.environ.get("SGENGINE_HYPOTHESIS") == "nightly" else 1
"""Factor on the number of damaged files."""

_EXAMPLES = settings.default.max_examples
FEWER = settings(max_examples=_EXAMPLES if LONG > 1 else max(10, _EXAMPLES // 3))
"""For a property that takes half a second and more of `make test`; all examples in the long form."""

_FAULTS = LONG > 1 or os.environ.get("SGENGINE_FAULTS") == "long"


def faults(short: int, long: int) -> int:
    """How many faults a test of the store makes."""
    return long if _FAULTS else short


def fuzzed(long: int) -> int:
    """How many damaged files of a kind a fuzz test reads, half as many in the short form."""
    return long * LONG if LONG > 1 else long // 2
