"""The curves as a small SVG, where Altair is installed (the extra ``plots``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.budgets import Row, median
from benchmarks.curves import POINTS, VERBS, name_of


def write_chart(rows: Sequence[Row], path: Path) -> None:
    """Time and memory by requests, both axes of time logarithmic."""
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - what saves SVG
    except ImportError:
        print("no chart: altair and vl-convert-python are not installed", file=sys.stderr)
        return
    by_name = {row["name"]: row for row in rows}
    points = [
        {
            "requests": requests,
            "verb": VERBS[verb],
            "seconds": median(by_name[name_of(verb, requests)]),
            "MiB": by_name[name_of(verb, requests)]["peak_mib"],
        }
        for verb in VERBS
        for requests in POINTS
    ]
    base = (
        alt.Chart(alt.Data(values=points)).mark_line(point=True).properties(width=280, height=200)
    )
    x = alt.X("requests:Q").scale(type="log")
    panels = [
        base.encode(x=x, y=alt.Y("seconds:Q").scale(type="log"), color="verb:N"),
        base.encode(x=x, y=alt.Y("MiB:Q").scale(zero=True), color="verb:N"),
    ]
    alt.hconcat(*panels).save(str(path))
