"""The versions of a store: which was current at a time, which can still be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from sgengine.errors import UsageError
from sgengine.store.guard import damaged, open_table
from sgengine.store.layout import COMMIT_POINT, LOG
from sgengine.store.place import Place

HORIZON = "sgengine/horizon"
"""The transaction that holds the first version whose files a vacuum left in place."""

Action = dict[str, Any]


def checked_version(place: Place, at: int | datetime) -> int:
    """The version that ``at`` names, a number or a time; UsageError if it is not to be read any more.

    Of a time it is the last version committed then or before, by the clocks of the writers: the log's
    own times, not those of its files, which copying a store changes.
    """
    requests = open_table(place.uri(COMMIT_POINT.name), COMMIT_POINT.name, options=place.options)
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise UsageError(f"the time {at} has no zone: add one, as in 2026-01-31T12:00Z")
        made = _time_of(place, 0)
        if at < made:
            raise UsageError(f"the store was made at {made:%Y-%m-%dT%H:%M:%SZ}, after {at}")
        version = last_version_before(place, at)
    else:
        version = at
    first, last = requests.transaction_version(HORIZON) or 0, requests.version()
    if not first <= version <= last:
        raise UsageError(f"version {version} is not in the store: give one from {first} to {last}")
    return version


def last_version_before(place: Place, at: datetime) -> int:
    """The last version committed at ``at`` or before; 0 if there is none."""
    requests = open_table(place.uri(COMMIT_POINT.name), COMMIT_POINT.name, options=place.options)
    first, last = 0, requests.version()
    while first < last:
        middle = (first + last + 1) // 2
        if _time_of(place, middle) <= at:
            first = middle
        else:
            last = middle - 1
    return first


def added_since(place: Place, version: int) -> Iterator[str]:
    """The files of requests, by path, that were added by versions after ``version``."""
    newest = open_table(
        place.uri(COMMIT_POINT.name), COMMIT_POINT.name, options=place.options
    ).version()
    for later in range(version + 1, newest + 1):
        for action in _actions(place, later):
            if "add" in action:
                yield f"{COMMIT_POINT.name}/{unquote(action['add']['path'])}"


def _time_of(place: Place, version: int) -> datetime:
    for action in _actions(place, version):
        if "commitInfo" in action:
            return datetime.fromtimestamp(action["commitInfo"]["timestamp"] / 1000, UTC)
    raise damaged(COMMIT_POINT.name, f"log entry {version} has no commitInfo")


def _actions(place: Place, version: int) -> Iterator[Action]:
    path = f"{COMMIT_POINT.name}/{LOG}/{version:020d}.json"
    try:
        for line in place.read(path).splitlines():
            yield msgspec.json.decode(line, type=Action)
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(COMMIT_POINT.name, f"{path} cannot be read") from error
