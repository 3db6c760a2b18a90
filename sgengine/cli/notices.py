"""What an analysis left out, on stderr: errors one by one up to a limit, the rest counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sgengine.cli.failures import say

if TYPE_CHECKING:
    from sgengine.analyze import Analysis

MOST_LINES = 20
MOST_NAMES = 3


def notify(analysis: Analysis) -> int:
    """Say what was not measured; the exit code: 1 if any of it is damaged data."""
    for failure in analysis.failures[:MOST_LINES]:
        say(failure.error)
    _say_more(len(analysis.failures), "sources that cannot be read")
    errors = [reject for reject in analysis.rejected if reject.is_error]
    for reject in errors[:MOST_LINES]:
        say(reject.line())
    _say_more(len(errors), "places with rows that were not measured")
    _note_left_out(analysis)
    _note_skipped(analysis)
    return 0 if analysis.is_clean else 1


def _say_more(count: int, what: str) -> None:
    if count > MOST_LINES:
        say(f"... and {count - MOST_LINES} more {what}, all in --json")


def _note_left_out(analysis: Analysis) -> None:
    """Rows that their source marks as no part of the measurement."""
    left_out: Counter[tuple[str, str]] = Counter()
    for reject in analysis.rejected:
        if not reject.is_error:
            left_out[reject.source, reject.reason] += reject.count
    for (source, reason), count in list(left_out.items())[:MOST_LINES]:
        words = reason.replace("_", " ")
        say(f"note: {source}: {count} {words} {'row' if count == 1 else 'rows'} left out")
    _say_more(len(left_out), "notes of rows left out")


def _note_skipped(analysis: Analysis) -> None:
    skipped = analysis.skipped
    if not skipped:
        return
    names = ", ".join(file.path for file in skipped[:MOST_NAMES])
    more = f", and {len(skipped) - MOST_NAMES} more" if len(skipped) > MOST_NAMES else ""
    files = "1 file that is no trace" if len(skipped) == 1 else f"{len(skipped)} files, no traces"
    say(f"note: skipped {files}: {names}{more}")
