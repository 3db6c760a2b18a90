"""The closed vocabularies of the tables (METRICS: status, clock, origin, timing, chunk rules)."""

from __future__ import annotations

STATUSES = ("ok", "failed", "timeout", "rejected", "cancelled", "incomplete")
"""How a request ended. Only ``ok`` is finished; ``incomplete``: the log ended first."""

CLOCKS = ("unix", "monotonic", "none")
"""What ``arrival_ns`` counts from: the Unix epoch, an arbitrary origin of the run, or nothing."""

ORIGINS = ("scheduled", "sent", "accepted")
"""Which moment the arrival is: the schedule, the client's send, the server's accept."""

TIMINGS = ("token", "chunk", "split", "first_last", "mean", "none")
"""How good the chunk times are, from one time a token down to no times at all."""

LISTED_TIMINGS = ("token", "chunk", "split")
"""Timings of rows that carry a list of chunk times."""

ITL_RULES = ("chunk", "spread", "token", "divide")
"""How gaps between chunks become inter-token-latency samples."""

DENOMINATORS = ("all", "sent", "completed", "determined")
"""What slo_attainment divides by."""

POPULATIONS = ("defined", "ok")
"""Which requests a latency distribution holds: all with a value, or the ok ones among them."""

EVENT_KINDS = ("arrival", "chunk", "end")
"""What a row of EVENTS may be; the kernels know them by their places here."""
