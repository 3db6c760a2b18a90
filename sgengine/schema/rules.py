"""The rules a row must keep to be measured, by name; REJECTS.reason holds one of these names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: its name, what is allowed, and whether breaking it means damaged data.

    ``is_error`` is false for sound rows that are left out: marked as no part of the measurement by
    the source, or by the chosen window.
    """

    name: str
    allowed: str
    is_error: bool = True


RULES = (
    Rule(name="unreadable_row", allowed="a row that parses as its format says"),
    Rule(name="wrong_type", allowed="values of the declared types, whole numbers within range"),
    Rule(name="missing_request_id", allowed="a request_id in every row, if the column is there"),
    Rule(name="unknown_value", allowed="status, clock, origin and timing of the known values"),
    Rule(name="null_chunk", allowed="no null inside chunk_times_ns and chunk_tokens"),
    Rule(name="counts_mismatch", allowed="as many chunk_tokens as chunk_times_ns"),
    Rule(name="negative_time", allowed="times since arrival of 0 or more"),
    Rule(name="decreasing_times", allowed="chunk_times_ns that never decrease"),
    Rule(
        name="bad_chunk_tokens",
        allowed="1 or more tokens in the first chunk, 0 or more in later ones, below 2^31 together",
    ),
    Rule(name="negative_count", allowed="input_tokens and output_tokens of 0 or more"),
    Rule(
        name="timing_contradicts",
        allowed="chunk_times_ns with timing token, chunk or split; ttft_ns and last_ns with "
        "first_last or mean, ttft_ns <= last_ns, equal for one token, absent for none",
    ),
    Rule(name="unknown_event", allowed="events named arrival, chunk or end"),
    Rule(
        name="no_arrival",
        allowed="an arrival among the events of every request: all its times count from there",
    ),
    Rule(
        name="chunk_before_arrival",
        allowed="chunks at or after their request's arrival: leaving one out would move the first "
        "token, so the whole request is",
    ),
    Rule(
        name="duplicate_event",
        allowed="one arrival (the earliest is taken), one end (the earliest) and each numbered chunk "
        "once; the request is measured without the repeated rows",
        is_error=False,
    ),
    Rule(
        name="warmup",
        allowed="rows of the measured phase; the source marks this one as warm-up",
        is_error=False,
    ),
    Rule(
        name="outside_window",
        allowed="rows of the night that is measured, or that arrive in the window that --window, --trim "
        "or --steady chooses",
        is_error=False,
    ),
)

RULE_BY_NAME = {rule.name: rule for rule in RULES}
