"""Which version of a store was current at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from sgengine.errors import UsageError
from sgengine.store.guard import damaged, open_table
from sgengine.store.layout import COMMIT_POINT, LOG
from sgengine.store.place import Place


def version_at(place: Place, at: datetime) -> int:
    """The last version that was committed at ``at`` or before, by the clocks of the writers.

    The log's own times, not those of its files, which copying a store changes. UsageError for a time
    without a zone or before the store was made.
    """
    if at.tzinfo is None:
        raise UsageError(f"the time {at} has no zone: add one, as in 2026-01-31T12:00Z")
    newest = open_table(
        place.uri(COMMIT_POINT.name), COMMIT_POINT.name, options=place.options
    ).version()
    first, beyond = 0, newest + 1  # the version searched is in [first, beyond) if it is anywhere
    while first < beyond:
        middle = (first + beyond) // 2
        if _time_of(place, middle) <= at:
            first = middle + 1
        else:
            beyond = middle
    if first == 0:
        raise UsageError(
            f"the store was made at {_time_of(place, 0):%Y-%m-%dT%H:%M:%SZ}, after {at}"
        )
    return first - 1


def _time_of(place: Place, version: int) -> datetime:
    path = f"{COMMIT_POINT.name}/{LOG}/{version:020d}.json"
    try:
        for line in place.read(path).splitlines():
            action = msgspec.json.decode(line)
            if "commitInfo" in action:
                return datetime.fromtimestamp(action["commitInfo"]["timestamp"] / 1000, UTC)
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise damaged(COMMIT_POINT.name, f"{path} cannot be read") from error
    raise damaged(COMMIT_POINT.name, f"{path} has no commitInfo")
