"""A log entry as it lies on the disk: its actions, a line each, and whether they are all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

COMMIT = "sgengine.commit"
"""The key, in an entry's metadata, of the commit's id: the entry is ours."""

ACTIONS = "sgengine.actions"
"""The key of the number of actions that the entry has beside its metadata."""

Action = dict[str, Any]

_ALTERS = ("CREATE TABLE", "ADD COLUMN")


def actions_of(content: bytes) -> list[Action] | str:
    """The actions of an entry; or, for what is not all that its commit wrote, how that shows.

    deltalake writes an entry's metadata first, so what was cut at the end of a line has that at least.
    """
    if not content.strip(b"\0 \r\n"):
        return f"it is {len(content)} bytes of nothing" if content else "it is empty"
    actions: list[Action] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            actions.append(msgspec.json.decode(line, type=Action))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"line {number} is no whole JSON object"
    return _cut(actions) or actions


def info_of(actions: Sequence[Action]) -> Action | None:
    """The metadata of an entry, ``commitInfo``."""
    return next((action["commitInfo"] for action in actions if "commitInfo" in action), None)


def _cut(actions: Sequence[Action]) -> str | None:
    info = info_of(actions)
    if info is None:
        return "it has no commitInfo"
    here, told = len(actions) - 1, info.get(ACTIONS)
    if told is not None and told != str(here):
        return f"it has {here} actions of {told}"
    if info.get("operation") in _ALTERS and not any("metaData" in action for action in actions):
        return "it has no metaData"
    return None
