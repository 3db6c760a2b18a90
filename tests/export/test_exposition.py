"""The text that Prometheus reads: back through its own client's parser, whatever the labels hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sgengine.export.exposition import (
    Family,
    Sample,
    histogram_samples,
    number,
    prometheus_name,
    render,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.one_of(st.integers(0, 10**15), st.floats(allow_nan=False, allow_infinity=False))


def parsed(text):
    """Family name -> kind, doc and samples, by the real parser."""
    return {
        family.name: (family.type, family.documentation, family.samples)
        for family in text_string_to_metric_families(text)
    }


@given(st.lists(st.tuples(texts, texts, values), max_size=4, unique_by=lambda row: row[:2]))
def test_what_is_written_reads_back(rows):
    samples = tuple(
        Sample(labels={"system": system, "workload": workload}, value=value)
        for system, workload, value in rows
    )
    family = Family(name="sgengine_x", kind="gauge", doc="A \\ doc\nof two lines.", samples=samples)
    found = parsed(render([family]))
    if not rows:
        assert found == {}
        return
    kind, doc, read = found["sgengine_x"]
    assert (kind, doc) == ("gauge", family.doc)
    assert [(s.labels["system"], s.labels["workload"], s.value) for s in read] == rows


def test_a_histogram_as_it_is_written():
    samples = tuple(histogram_samples({"system": "a"}, [0.5, 1.0, 2.5], [1, 3, 3], 4, 6.25))
    text = render([Family(name="x_seconds", kind="histogram", doc="X.", samples=samples)])
    assert text.splitlines() == [
        "# HELP x_seconds X.",
        "# TYPE x_seconds histogram",
        'x_seconds_bucket{system="a",le="0.5"} 1',
        'x_seconds_bucket{system="a",le="1"} 3',
        'x_seconds_bucket{system="a",le="2.5"} 3',
        'x_seconds_bucket{system="a",le="+Inf"} 4',
        'x_seconds_sum{system="a"} 6.25',
        'x_seconds_count{system="a"} 4',
    ]
    ((kind, _, read),) = parsed(text).values()
    assert kind == "histogram"
    assert math.isinf(float(read[3].labels["le"]))


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("gen_ai.server.time_to_first_token", "s", "gen_ai_server_time_to_first_token_seconds"),
        ("gen_ai.server.request.duration", "s", "gen_ai_server_request_duration_seconds"),
        ("a..b-c.", "", "a_b_c"),
        ("wait.seconds", "s", "wait_seconds"),
    ],
)
def test_names_follow_the_compatibility_rules(name, unit, expected):
    assert prometheus_name(name, unit) == expected


@given(values)
def test_numbers_keep_every_bit(value):
    assert float(number(value)) == value
