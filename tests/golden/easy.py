"""Requests 1 to 6: one token a chunk. Times in ms, derived by hand; do not paste computed values.

Lateness of token i is t_i - d_i with d_i = d_1 + (i - 1) V. The smoothed curve is
s_i = max(t_i, s_(i-1) + V) from s_0 = d_1 - V.
"""

from __future__ import annotations

from fractions import Fraction

from tests.golden.cases import NO_BOUNDS, RULES, Case, case, request

EMPTY = case(
    "1",
    "empty",
    "Refused before anything was delivered. Only the counts and the benefit are 0.",
    row=request("empty", [], chunk_tokens=[], status="rejected", error="429"),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (None, "not declared"),
        "n_output_tokens": (0, "no chunk"),
        "n_chunks": (0, "no chunk"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (None, "no chunk"),
        "ttft_ns": (None, "n = 0"),
        "e2e_latency_ns": (None, "n = 0"),
        "tpot_ns": (None, "n < 2"),
        "itl_max_ns": (None, "K < 2"),
        "eq5_pace_ns": (None, "n = 0"),
        "envelope": ([], "n = 0 gives the empty list"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (None, "n = 0"),
        "user_idle_latency_ns_min": (None, "n = 0"),
        "user_idle_latency_ns_max": (None, "n = 0"),
        "late_tokens": (None, "n = 0"),
        "sustained_pace_ns": (None, "n = 0"),
        "qoe": (None, "n = 0"),
        "fluidity": (None, "n = 0"),
    },
    itl_ms=dict.fromkeys(RULES, ()),
    benefit={"benefit": (0, "l' = 0 for n = 0, unfinished_idle = 0: 0 - 2.5 x 0")},
)

_ONE_TOKEN = {
    "n_input_tokens": (12, "declared"),
    "n_output_tokens": (1, "sum of sizes"),
    "n_chunks": (1, "one time"),
    "token_deficit": (0, "1 - 1"),
    "last_chunk_ns": (300, "x_1"),
    "ttft_ns": (300, "t_1"),
    "e2e_latency_ns": (300, "t_n = t_1"),
    "tpot_ns": (None, "n < 2"),
    "itl_max_ns": (None, "K < 2"),
    "eq5_pace_ns": (300, "300 / 1"),
    "envelope": ([(1, 300)], "one point"),
    **NO_BOUNDS,
}

_ONE_ROW = request("one-token", [300], chunk_tokens=[1], input_tokens=12, output_tokens=1)

ONE_ON_TIME = case(
    "2a",
    "one token, on time",
    "One token at 300 ms, for a reader who waits up to 400 ms for it.",
    row=_ONE_ROW,
    reader_ms=(400, 200),
    values={
        **_ONE_TOKEN,
        "user_idle_latency_ns": (0, "300 - 400 < 0"),
        "late_tokens": (0, "300 <= 400"),
        "sustained_pace_ns": (0, "no token after the first"),
        "qoe": (1, "s_1 = max(300, 400) = 400 = d_1: the denominator is 0"),
        "fluidity": (1, "gap 300 <= 400: 1 hit, 0 missed"),
    },
    itl_ms=dict.fromkeys(RULES, ()),
    benefit={"benefit": (1, "1 - 2.5 x 0")},
)

ONE_LATE = case(
    "2b",
    "one token, late",
    "The same request for a reader who accepts the first token by 200 ms.",
    row=_ONE_ROW,
    reader_ms=(200, 200),
    values={
        **_ONE_TOKEN,
        "user_idle_latency_ns": (100, "300 - 200"),
        "late_tokens": (1, "300 > 200"),
        "sustained_pace_ns": (None, "t_1 > d_1: no pace helps"),
        "qoe": (0, "s_1 = 300: 1 - (300 - 200) / (300 - 200)"),
        "fluidity": (0, "gap 300 > 200: (300 - 0 - 200) div 200 + 1 = 1 missed; 0 / 1"),
    },
    itl_ms=dict.fromkeys(RULES, ()),
    benefit={"benefit": (Fraction(3, 4), "1 - 2.5 x 0.1 s")},
)

STEADY = case(
    "3",
    "steady",
    "Every token exactly at its deadline. Sizes are unknown, and as many tokens are declared as "
    "chunks came: one each.",
    row=request("steady", [200, 400, 600, 800, 1000], input_tokens=7, output_tokens=5),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (7, "declared"),
        "n_output_tokens": (5, "K = 5 declared"),
        "n_chunks": (5, "five times"),
        "token_deficit": (0, "5 - 5"),
        "last_chunk_ns": (1000, "x_5"),
        "ttft_ns": (200, "t_1"),
        "e2e_latency_ns": (1000, "t_5"),
        "tpot_ns": (200, "(1000 - 200) / 4"),
        "itl_max_ns": (200, "every gap is 200"),
        "eq5_pace_ns": (200, "200/1 = 400/2 = ... = 1000/5"),
        "envelope": ([(1, 200), (5, 1000)], "all on one line: the inner points are dropped"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (0, "lateness 0, 0, 0, 0, 0"),
        "late_tokens": (0, "on time is not late"),
        "sustained_pace_ns": (200, "(400 - 200)/1 = (600 - 200)/2 = ... = 200"),
        "qoe": (1, "s_i = d_i: 1 - 0 / 2000"),
        "fluidity": (1, "each gap 200 <= 200 with slack 0: 5 / 5"),
    },
    itl_ms=dict.fromkeys(RULES, (200, 200, 200, 200)),
    benefit={"benefit": (5, "5 - 2.5 x 0")},
)

ABSORBED = case(
    "4",
    "one stall absorbed by the buffer",
    "Four tokens early, then a stall of 650 ms that the reader does not notice.",
    row=request("absorbed", [100, 150, 200, 250, 900], chunk_tokens=[1, 1, 1, 1, 1]),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (None, "not declared"),
        "n_output_tokens": (5, "sum of sizes"),
        "n_chunks": (5, "five times"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (900, "x_5"),
        "ttft_ns": (100, "t_1"),
        "e2e_latency_ns": (900, "t_5"),
        "tpot_ns": (200, "(900 - 100) / 4"),
        "itl_max_ns": (650, "900 - 250"),
        "eq5_pace_ns": (180, "100/1, 150/2, 200/3, 250/4, 900/5: the last"),
        "envelope": ([(1, 100), (5, 900)], "the chord has 300, 500, 700 over 150, 200, 250"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (0, "lateness -100, -250, -400, -550, -100"),
        "late_tokens": (0, "none above 0"),
        "sustained_pace_ns": (175, "-50/1, 0/2, 50/3, 700/4: the last"),
        "qoe": (1, "s_i = d_i = 200, 400, ..., 1000: 1 - 0 / 2000"),
        "fluidity": (1, "slack 100, 250, 400, 550; gap 650 <= 200 + 550: 5 / 5"),
    },
    itl_ms=dict.fromkeys(RULES, (50, 50, 50, 650)),
    benefit={"benefit": (5, "5 - 2.5 x 0")},
)

NOT_ABSORBED = case(
    "5",
    "one stall not absorbed",
    "Two tokens, a stall of 800 ms, three more at twice the reader's speed.",
    row=request("not-absorbed", [100, 200, 1000, 1100, 1200], chunk_tokens=[1, 1, 1, 1, 1]),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (None, "not declared"),
        "n_output_tokens": (5, "sum of sizes"),
        "n_chunks": (5, "five times"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (1200, "x_5"),
        "ttft_ns": (100, "t_1"),
        "e2e_latency_ns": (1200, "t_5"),
        "tpot_ns": (275, "(1200 - 100) / 4"),
        "itl_max_ns": (800, "1000 - 200"),
        "eq5_pace_ns": (
            333_333_333 + 5_592_406 / 2**24,
            "1000 ms / 3 = 333333333 1/3 ns; doubles there are 2^-24 apart: up to 5592406 / 2^24",
        ),
        "envelope": (
            [(1, 100), (3, 1000), (5, 1200)],
            "slope 450 up to token 3 (550 > 200 at token 2), then 100 (token 4 on the line)",
        ),
        **NO_BOUNDS,
        "user_idle_latency_ns": (400, "lateness -100, -200, 400, 300, 200"),
        "late_tokens": (3, "tokens 3, 4, 5"),
        "sustained_pace_ns": (400, "0/1, 800/2, 900/3, 1000/4: the second"),
        "qoe": (
            Fraction(7, 10),
            "s = 200, 400, 1000, 1200, 1400: 1 - (3 x 400) / (5 x 1400 - 3000) = 1 - 1200/4000",
        ),
        "fluidity": (
            Fraction(4, 7),
            "2 hits, slack 200; gap 800: (800 - 200 - 200) div 200 + 1 = 3 missed; 2 hits; 4 / 7",
        ),
    },
    itl_ms=dict.fromkeys(RULES, (100, 800, 100, 100)),
    benefit={"benefit": (4, "5 - 2.5 x 0.4 s")},
)

BURST = case(
    "6",
    "a burst, then silence",
    "Four tokens at once, as good as, and the last one two seconds later; a faster reader who "
    "grants half a second for the first.",
    row=request("burst", [100, 110, 120, 130, 2130], chunk_tokens=[1, 1, 1, 1, 1]),
    reader_ms=(500, 100),
    values={
        "n_input_tokens": (None, "not declared"),
        "n_output_tokens": (5, "sum of sizes"),
        "n_chunks": (5, "five times"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (2130, "x_5"),
        "ttft_ns": (100, "t_1"),
        "e2e_latency_ns": (2130, "t_5"),
        "tpot_ns": (Fraction(1015, 2), "(2130 - 100) / 4 = 507.5"),
        "itl_max_ns": (2000, "2130 - 130"),
        "eq5_pace_ns": (426, "100/1, 110/2, 120/3, 130/4, 2130/5: the last"),
        "envelope": ([(1, 100), (5, 2130)], "the chord has 607.5 at token 2, over all between"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (1230, "d = 500, 600, 700, 800, 900; 2130 - 900"),
        "late_tokens": (1, "token 5"),
        "sustained_pace_ns": (Fraction(815, 2), "(2130 - 500) / 4 = 407.5; the others below 0"),
        "qoe": (
            Fraction(592, 715),
            "s = 500, 600, 700, 800, 2130: 1 - 1230 / (5 x 2130 - 3500) = 5920/7150 = 592/715",
        ),
        "fluidity": (
            Fraction(4, 17),
            "slack 400, 490, 580, 670; gap 2000: (2000 - 670 - 100) div 100 + 1 = 13 missed; 4 / 17",
        ),
    },
    itl_ms=dict.fromkeys(RULES, (10, 10, 10, 2000)),
    benefit={"benefit": (Fraction(77, 40), "5 - 2.5 x 1.23 s = 1.925")},
)

CASES: list[Case] = [EMPTY, ONE_ON_TIME, ONE_LATE, STEADY, ABSORBED, NOT_ABSORBED, BURST]
