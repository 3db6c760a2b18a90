"""How hard the fuzz tests try: a few hundred damaged files a format, thousands with ``make test-long``."""

from __future__ import annotations

import os

LONG = 12 if os.environ.get("SGENGINE_HYPOTHESIS") == "nightly" else 1
"""Factor on the number of damaged files."""
