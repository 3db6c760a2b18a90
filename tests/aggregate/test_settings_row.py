"""Settings as a row and back: nothing that a figure depends on is lost."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import SummarySettings, settings_row, summary_of
from sgengine.schema import SETTINGS
from tests.aggregate.twins import questions


@given(questions())
def test_a_row_gives_the_settings_back(question):
    settings = question.settings()
    row = settings_row(settings)
    assert set(row) <= set(SETTINGS.names)
    stored = {name: row.get(name) for name in SETTINGS.names}
    back = summary_of(
        json.loads(json.dumps(stored)),
        by=settings.by,
        population=settings.population,
        itl_rule=settings.itl_rule,
    )
    assert back == settings
    assert settings_row(back) == row


@given(st.integers(0, 2**40))
def test_tau_survives_seconds(tau_ns):
    benefit = SummarySettings().benefit.__class__(penalty="fraction", alpha=1, tau_ns=tau_ns + 1)
    settings = SummarySettings(benefit=benefit)
    assert summary_of(settings_row(settings)) == settings
