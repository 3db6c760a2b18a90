"""``check``: traces and stores among the inputs, each looked at in its own way."""

from __future__ import annotations

from collections.abc import Sequence

from sgengine.analyze import AnalyzeSettings, Progress
from sgengine.check.checked import Checked, together
from sgengine.check.run import check_traces
from sgengine.check.stores import check_stores
from sgengine.store import Store


def check(
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Checked:
    """Look at ``inputs`` (files, folders, globs, ``label=PATH``, stores) for what makes figures untrue.

    Of the ``settings`` those of reading, executor and memory count, for traces. Raises UsageError for
    a wrong call, DataError if nothing could be read.
    """
    stores = [given for given in inputs if Store.is_store(given)]
    traces = [given for given in inputs if given not in stores]
    parts = [check_stores(stores)] if stores else []
    if traces or not stores:
        parts.append(check_traces(traces, settings, progress=progress))
    return together(parts)
