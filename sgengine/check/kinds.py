"""Every kind of finding but those of rules: severity, what it means, what to do."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, INFO = SEVERITIES = ("error", "warning", "info")
"""error: figures would be wrong, or rows are missing; warning: figures need care; info: good to know."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of finding. ``severity`` is the highest that it takes; ``of``: what is counted."""

    name: str
    severity: str
    of: str
    meaning: str
    advice: str


OWN_KINDS = (
    Kind(
        name="unreadable_source",
        severity=ERROR,
        of="sources",
        meaning="A source that is damaged beyond reading.",
        advice="write it again, or leave it out",
    ),
    Kind(
        name="no_requests",
        severity=ERROR,
        of="sources",
        meaning="A source of which no row can be measured.",
        advice="see the rules that its rows break",
    ),
    Kind(
        name="duplicate_key",
        severity=ERROR,
        of="requests",
        meaning="Several rows with one run and request_id: the key of every table.",
        advice="give each file a --run of its own, or leave out what was written twice",
    ),
    Kind(
        name="mixed_clocks",
        severity=ERROR,
        of="runs",
        meaning="A run whose rows count arrivals from different clocks: its span means nothing.",
        advice="split the run by clock",
    ),
    Kind(
        name="epoch_unlikely",
        severity=WARNING,
        of="runs",
        meaning="Arrivals on a unix clock before the year 2000 or after 2100.",
        advice="convert them from s, ms or us to ns, or call the clock monotonic: days and hours are "
        "wrong",
    ),
    Kind(
        name="arrivals_too_dense",
        severity=ERROR,
        of="runs",
        meaning="10 requests or more that arrive less than 1 us apart on average.",
        advice="the unit of the arrivals is not ns: convert s, ms or us to ns",
    ),
    Kind(
        name="times_too_small",
        severity=ERROR,
        of="sources",
        meaning="A median gap (or, without gaps, time to first token) below 1 us, zeros aside.",
        advice="the unit of the times is not ns: convert s, ms or us to ns",
    ),
    Kind(
        name="times_too_large",
        severity=ERROR,
        of="sources",
        meaning="A median gap above 60 s, or a median time to first token above one hour.",
        advice="the unit of the times is not ns: they were multiplied once too often",
    ),
    Kind(
        name="zero_ttft",
        severity=WARNING,
        of="requests",
        meaning="Half or more of a run's first tokens at the arrival itself.",
        advice="times seem to count from the first token: give times since the arrival",
    ),
    Kind(
        name="buffered",
        severity=WARNING,
        of="requests",
        meaning="Half or more of a run's answers of several tokens that came all at once, t_1 = t_n.",
        advice="a proxy or client buffers the stream: switch it off, or trust no TTFT, ITL and TPOT",
    ),
    Kind(
        name="end_before_last_chunk",
        severity=WARNING,
        of="requests",
        meaning="Requests whose end is before their last chunk.",
        advice="ends and chunks are of different clocks: use one",
    ),
    Kind(
        name="clock_steps",
        severity=WARNING,
        of="rows",
        meaning="A few rows (less than 1 % of a run) that arrive earlier than the row before them by "
        "more than the run's longest request.",
        advice="a clock stepped back, or runs were joined: use a monotonic clock, split joined runs",
    ),
    Kind(
        name="chunks_per_token",
        severity=WARNING,
        of="runs",
        meaning="Fewer than 0.8 chunks a token.",
        advice="a gap is not an inter-token latency here: choose an --itl-rule, and say which",
    ),
    Kind(
        name="token_deficit",
        severity=WARNING,
        of="requests",
        meaning="More output tokens declared than the chunks account for.",
        advice="per-token figures are NULL or bounded: log the tokens of each chunk",
    ),
    Kind(
        name="token_surplus",
        severity=WARNING,
        of="requests",
        meaning="Fewer output tokens declared than the chunks account for.",
        advice="role, empty or usage chunks count as tokens: log the tokens of each chunk",
    ),
    Kind(
        name="unfinished",
        severity=WARNING,
        of="requests",
        meaning="Requests that are not ok; a warning above 1 % of a run.",
        advice="latencies of the rest look better than users felt: read attainment of all requests, "
        "and consider --unfinished-idle",
    ),
    Kind(
        name="ok_without_output",
        severity=WARNING,
        of="requests",
        meaning="Requests with status ok and no token.",
        advice="find out whether they failed: they count as completed in req/s",
    ),
    Kind(
        name="mixed_origins",
        severity=WARNING,
        of="runs",
        meaning="A run whose latencies count from different moments (scheduled, sent, accepted).",
        advice="choose one with --origin",
    ),
    Kind(
        name="timing_none",
        severity=WARNING,
        of="requests",
        meaning="Requests with output and no times at all.",
        advice="every latency, smooth goodput and attainment is NULL for them: log chunk times",
    ),
    Kind(
        name="timing_mean",
        severity=WARNING,
        of="requests",
        meaning="Requests of which only a mean of the gaps is known.",
        advice="itl, itl_max, late_tokens, sustained_pace, qoe, fluidity are NULL, idle latency is "
        "bounded: log chunk times",
    ),
    Kind(
        name="timing_first_last",
        severity=WARNING,
        of="requests",
        meaning="Requests of which only the first and last token's times are known.",
        advice="itl, itl_max, late_tokens, sustained_pace, qoe, fluidity are NULL, idle latency is "
        "bounded: log chunk times",
    ),
    Kind(
        name="timing_split",
        severity=WARNING,
        of="requests",
        meaning="Requests whose client spread each gap over the tokens of the chunk behind it.",
        advice="tokens seem earlier than they were: idle latency and late tokens are lower bounds",
    ),
    Kind(
        name="duration_differs",
        severity=WARNING,
        of="runs",
        meaning="A stated duration more than 10 % off the time from first arrival to last end.",
        advice="every rate divides by the stated one: give --duration, or find what it covers",
    ),
    Kind(
        name="rate_differs",
        severity=WARNING,
        of="runs",
        meaning="50 arrivals or more at a rate more than 25 % off the stated request rate.",
        advice="the client did not offer the stated load: do not plot it against that rate",
    ),
    Kind(
        name="few_samples",
        severity=WARNING,
        of="runs",
        meaning="Fewer than 100 requests with a TTFT: p99 is the largest alone (info below 1000: p99.9).",
        advice="read lower percentiles, or measure longer",
    ),
    Kind(
        name="no_arrivals",
        severity=INFO,
        of="requests",
        meaning="Requests without an arrival time.",
        advice="no time slices, windows or requests in flight, and T only if it is stated",
    ),
    Kind(
        name="monotonic_clock",
        severity=INFO,
        of="runs",
        meaning="Arrivals that count from an arbitrary moment.",
        advice="hour and day are NULL, runs cannot be put on one time axis",
    ),
    Kind(
        name="out_of_order",
        severity=INFO,
        of="rows",
        meaning="Rows in no order of arrival.",
        advice="no figure depends on it",
    ),
    Kind(
        name="slow_start",
        severity=INFO,
        of="runs",
        meaning="A median TTFT of the 10 first arrivals above 3 times that of the run (50 or more).",
        advice="warm-up seems to be in the figures: try --trim or --steady",
    ),
    Kind(
        name="closed_loop",
        severity=INFO,
        of="runs",
        meaning="Requests that seem to be sent when others end, so that as many are always in flight.",
        advice="there is no offered rate: slow answers slow the load down",
    ),
    Kind(
        name="open_loop",
        severity=INFO,
        of="runs",
        meaning="Requests that arrive at a stated rate, or seem to arrive whatever is in flight.",
        advice="latency depends on the rate: compare runs at equal rates",
    ),
    Kind(
        name="burst",
        severity=INFO,
        of="runs",
        meaning="Requests that arrive all at the start.",
        advice="queueing is most of the latency: rates are those of a batch job",
    ),
    Kind(
        name="time_span",
        severity=INFO,
        of="runs",
        meaning="From when to when the runs went.",
        advice="see that it is what you meant to measure",
    ),
    Kind(
        name="source_note",
        severity=INFO,
        of="sources",
        meaning="What a reader decided about a source.",
        advice="see that it fits",
    ),
    Kind(
        name="skipped_file",
        severity=INFO,
        of="files",
        meaning="Files of folders and globs that are no traces.",
        advice="nothing, if they are not meant to be",
    ),
)
"""docs/check.md is made from this list."""
