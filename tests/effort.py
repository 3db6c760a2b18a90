"""How hard the tests try: the short form is part of ``make test``.

Fuzz tests: a few hundred damaged files a format, thousands with ``make test-long``. Fault tests of the
store: tens of faults, hundreds with ``make test-faults`` and ``make test-long``.
"""

from __future__ import annotations

import os

LONG = 12 if os.environ.get("SGENGINE_HYPOTHESIS") == "nightly" else 1
"""Factor on the number of damaged files."""

_FAULTS = LONG > 1 or os.environ.get("SGENGINE_FAULTS") == "long"


def faults(short: int, long: int) -> int:
    """How many faults a test of the store makes."""
    return long if _FAULTS else short
