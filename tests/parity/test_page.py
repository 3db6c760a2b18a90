"""The profiles are sound, and docs/parity.md is made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sgengine.aggregate import STATISTICS
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.objectives import parse_slo
from sgengine.parity import CLIENTS, render_profiles
from sgengine.parity.profile import Figure, Profile, Settings, placed
from sgengine.parity.statistics import METHODS
from tests.parity import make

ROOT = Path(__file__).parents[2]
PROFILES = [profile for client in CLIENTS for profile in client.profiles]
FIGURES = [(profile, figure) for profile in PROFILES for figure in profile.figures]


def named(profile: Profile) -> str:
    return f"{profile.client} {profile.versions}"


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "parity.md").read_text("utf-8")
    assert render_profiles() in page, "docs/parity.md is out of date: run make docs"


@pytest.mark.parametrize("profile", PROFILES, ids=named)
def test_every_figure_says_what_it_is_and_why_ours_differs(profile):
    for figure in profile.figures:
        assert figure.doc
        assert figure.why
        assert figure.population
        assert figure.tolerance.reason
        assert figure.percentile in METHODS
        assert "\n" not in figure.why
        assert 0 < figure.tolerance.relative <= 1e-6
    for closed in profile.closed:
        assert closed.reason


@pytest.mark.parametrize("profile", PROFILES, ids=named)
def test_sources_are_made_of_the_names_of_their_places(profile):
    for figure in profile.figures:
        wanted = set(re.findall(r"\{(\w+)\}", figure.source))
        for place in figure.at:
            assert wanted <= set(re.findall(r"\{(\w+)\}", place))


def test_ours_are_figures_of_analyze(tmp_path):
    from dataclasses import replace

    settings = AnalyzeSettings()
    summary = replace(settings.summary, slo=parse_slo(["ttft:100ms"]))
    (group,) = analyze([str(make.vllm(tmp_path))], replace(settings, summary=summary)).groups
    for _, figure in FIGURES:
        value: object = group
        for key in (figure.ours or "requests").split("/"):
            assert isinstance(value, dict)
            assert key in value, figure.ours
            value = value[key]
        if isinstance(value, dict):
            assert figure.is_family
            assert set(STATISTICS) <= set(value)


def test_places_are_told_apart():
    figure = Figure(name="x", at=("a/{s}", "b.c/{tag}/*"), doc="", source="", why="")
    assert placed(figure, "a/p99.9") == {"s": "p99.9"}
    assert placed(figure, "b.c/t/anything") == {"tag": "t"}
    assert placed(figure, "bxc/t/anything") is None
    assert placed(figure, "a/p99/more") is None
    assert placed(Settings(at=("a/**",)), "a/b/c") == {}
