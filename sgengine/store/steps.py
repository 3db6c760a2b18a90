"""The moments between two writes of a commit, by name: where a crash must leave the store whole.

Nothing happens there; the fault tests stop a process at each of them (``tests/store``).
"""

from __future__ import annotations

import sys

EVENT = "sgengine.store"
"""The audit event of a step: ``sys.addaudithook`` sees it, with the name as its argument."""


def step(name: str) -> None:
    """Say that what ``name`` tells has been done, and nothing after it yet."""
    sys.audit(EVENT, name)
