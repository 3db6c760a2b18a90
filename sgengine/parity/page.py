"""The profiles as a page: what each client calls what, its rules, and why ours differs."""

from __future__ import annotations

from collections.abc import Sequence

from sgengine.parity.profile import Closed, Figure, Profile
from sgengine.parity.recognise import CLIENTS

_HEADER = (
    "| figure | what it is | population | rules | tolerance | ours | why ours differs |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def render_profiles() -> str:
    """Markdown of all profiles, a table a client and version."""
    return "\n".join(_profile(profile) for client in CLIENTS for profile in client.profiles)


def _profile(profile: Profile) -> str:
    lines = [f"\n### {profile.client}, {profile.versions}\n", f"{profile.files}.\n", _HEADER]
    lines += [_figure(figure) for figure in profile.figures]
    lines.append("\nNot recomputed:\n\n| stated as | because |\n| --- | --- |")
    lines += [_closed(closed) for closed in profile.closed]
    return "\n".join(lines)


def _figure(figure: Figure) -> str:
    cells = [
        f"{_cell(figure.name)}<br>{_places(figure.at)}",
        figure.doc,
        figure.population,
        _rules(figure),
        _tolerance(figure),
        f"`{figure.ours}`" if figure.ours else "-",
        figure.why,
    ]
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _closed(closed: Closed) -> str:
    return f"| {_cell(_places(closed.at))} | {_cell(closed.reason)} |"


def _places(at: Sequence[str]) -> str:
    return ", ".join(f"`{place}`" for place in at)


def _rules(figure: Figure) -> str:
    parts = []
    if figure.is_family:
        parts.append(f"percentiles {figure.percentile}; ddof {figure.ddof}")
    if figure.weighting:
        parts.append(f"weighted by {figure.weighting}")
    if figure.denominator:
        parts.append(f"divided by {figure.denominator}")
    if figure.window:
        parts.append(f"window: {figure.window}")
    return "; ".join(parts) or "-"


def _tolerance(figure: Figure) -> str:
    tolerance = figure.tolerance
    bounds = [f"{tolerance.relative:g}"]
    if tolerance.percentiles:
        bounds.append(f"percentiles {tolerance.percentiles:g}")
    if tolerance.absolute:
        bounds.append(f"or {tolerance.absolute:g} absolute")
    return f"{', '.join(bounds)}: {tolerance.reason}"


def _cell(text: str) -> str:
    """One cell: no bars, no line breaks."""
    return " ".join(text.split()).replace("|", "\\|")
