"""Requests 7 to 12: several tokens a chunk, none, an unknown number; few times; equal times.

Times in ms, derived by hand; do not paste computed values. See easy.py for the notation.
"""

from __future__ import annotations

from fractions import Fraction

from tests.golden.cases import NO_BOUNDS, RULES, Case, case, request

MULTI = case(
    "7",
    "multi-token chunks",
    "Nine tokens in three chunks; a tenth was declared but never shown. Index of the first token "
    "of each chunk: 1, 4, 6. Token times 200 x 3, 500 x 2, 1500 x 4.",
    row=request(
        "multi",
        [200, 500, 1500],
        chunk_tokens=[3, 2, 4],
        input_tokens=30,
        output_tokens=10,
        timing="token",
        end_ns=1_600_000_000,
    ),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (30, "declared"),
        "n_output_tokens": (9, "3 + 2 + 4"),
        "n_chunks": (3, "three times"),
        "token_deficit": (1, "10 - 9"),
        "last_chunk_ns": (1500, "x_3"),
        "ttft_ns": (200, "t_1"),
        "e2e_latency_ns": (1500, "t_9"),
        "tpot_ns": (Fraction(325, 2), "(1500 - 200) / 8 = 162.5"),
        "itl_max_ns": (1000, "1500 - 500"),
        "eq5_pace_ns": (250, "200/1, 500/4, 1500/6: the last"),
        "envelope": ([(1, 200), (6, 1500)], "slope 260: 980 > 500 at token 4"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (300, "first tokens of chunks: 200-200, 500-800, 1500-1200"),
        "late_tokens": (2, "tokens 6 (d = 1200) and 7 (1400); token 8 has d = 1600"),
        "sustained_pace_ns": (260, "(500 - 200)/3 = 100, (1500 - 200)/5 = 260"),
        "qoe": (
            Fraction(29, 33),
            (
                "s = 200, 400, 600, 800, 1000, 1500, 1700, 1900, 2100: "
                "1 - (4 x 300) / (9 x 2100 - 9000) = 1 - 1200/9900 = 29/33"
            ),
        ),
        "fluidity": (
            Fraction(4, 5),
            (
                "3 hits, slack 400; gap 300: 2 hits, slack 400 - 100 + 200 = 500; gap 1000: "
                "(1000 - 500 - 200) div 200 + 1 = 2 missed, 3 hits; 8 / 10"
            ),
        ),
    },
    itl_ms={
        "chunk": (300, 1000),
        "spread": (150, 150, 250, 250, 250, 250),
        "token": (0, 0, 300, 0, 1000, 0, 0, 0),
        "divide": (150, 250),
    },
    benefit={"benefit": (Fraction(33, 4), "9 - 2.5 x 0.3 s")},
)

ROLE = case(
    "8",
    "a role chunk",
    "A chat stream as its client counts it: the role chunk has token 1, the next chunk none; at "
    "the end comes a chunk without text. Token times 100, 300, 500, 700.",
    row=request(
        "role",
        [100, 120, 300, 500, 700, 760],
        chunk_tokens=[1, 0, 1, 1, 1, 0],
        input_tokens=20,
        output_tokens=4,
    ),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (20, "declared"),
        "n_output_tokens": (4, "1 + 0 + 1 + 1 + 1 + 0"),
        "n_chunks": (6, "chunks without tokens count"),
        "token_deficit": (0, "4 - 4"),
        "last_chunk_ns": (760, "x_6, without tokens"),
        "ttft_ns": (100, "t_1: the role chunk"),
        "e2e_latency_ns": (700, "t_4, not x_6"),
        "tpot_ns": (200, "(700 - 100) / 3"),
        "itl_max_ns": (200, "gaps 20, 180, 200, 200, 60"),
        "eq5_pace_ns": (175, "100/1, 300/2, 500/3, 700/4: the last"),
        "envelope": ([(1, 100), (4, 700)], "four points on one line; empty chunks are no point"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (0, "lateness -100 each"),
        "late_tokens": (0, "none above 0"),
        "sustained_pace_ns": (
            166_666_666 + 22_369_622 / 2**25,
            (
                "100/1, 300/2, 500/3: 166666666 2/3 ns; doubles there are 2^-25 apart: "
                "up to 22369622 / 2^25"
            ),
        ),
        "qoe": (1, "s_i = d_i = 200, 400, 600, 800: 1 - 0 / 1200"),
        "fluidity": (1, "slack 100; three gaps of 200 between chunks with tokens: 4 / 4"),
    },
    itl_ms={
        "chunk": (20, 180, 200, 200, 60),
        "spread": (200, 200, 200),
        "token": (200, 200, 200),
        "divide": (200, 200, 200),
    },
    benefit={"benefit": (4, "4 - 2.5 x 0")},
)

UNKNOWN_SIZES = case(
    "9",
    "sizes unknown, fewer chunks than tokens",
    "Six tokens declared, three chunks seen: e = 3 tokens more than chunks, nobody knows where. "
    "At the latest each chunk has one token before the next (indices 1, 2, 3), at the earliest "
    "the first has the whole surplus (indices 1, 5, 6).",
    row=request("unknown-sizes", [200, 800, 1000], input_tokens=9, output_tokens=6),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (9, "declared"),
        "n_output_tokens": (6, "declared, as 6 > K"),
        "n_chunks": (3, "three times"),
        "token_deficit": (3, "6 - 3"),
        "last_chunk_ns": (1000, "x_3"),
        "ttft_ns": (200, "x_1"),
        "e2e_latency_ns": (1000, "x_3: every chunk has a token"),
        "tpot_ns": (160, "(1000 - 200) / 5"),
        "itl_max_ns": (600, "800 - 200"),
        "eq5_pace_ns": (None, "sizes unknown"),
        "envelope": (None, "sizes unknown"),
        "envelope_min": ([(1, 200), (6, 1000)], "of (1,200), (5,800), (6,1000): 840 > 800"),
        "envelope_max": ([(1, 200), (2, 800), (3, 1000)], "slopes 600, 200: all three"),
        "user_idle_latency_ns": (None, "bounds differ"),
        "user_idle_latency_ns_min": (0, "200-200, 800-1000, 1000-1200"),
        "user_idle_latency_ns_max": (400, "200-200, 800-400, 1000-600"),
        "late_tokens": (None, "sizes unknown"),
        "sustained_pace_ns": (None, "sizes unknown"),
        "qoe": (None, "sizes unknown"),
        "fluidity": (None, "sizes unknown"),
    },
    itl_ms={"chunk": (600, 200), "spread": (), "token": (), "divide": ()},
    benefit={
        "benefit": (None, "idle latency is NULL"),
        "benefit_min": (5, "6 - 2.5 x 0.4 s"),
        "benefit_max": (6, "6 - 2.5 x 0"),
    },
)

FAILED = case(
    "10",
    "failed midway",
    "Three tokens, then the connection broke. The tokens count, and so does their lateness; "
    "unfinished_idle is set to 2 s.",
    row=request(
        "failed",
        [100, 300, 500],
        chunk_tokens=[1, 1, 1],
        status="failed",
        error="connection reset",
        end_ns=5_500_000_000,
        input_tokens=40,
    ),
    reader_ms=(200, 100),
    values={
        "n_input_tokens": (40, "declared"),
        "n_output_tokens": (3, "sum of sizes"),
        "n_chunks": (3, "three times"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (500, "x_3; end_ns is the end, not a chunk"),
        "ttft_ns": (100, "t_1"),
        "e2e_latency_ns": (500, "t_3"),
        "tpot_ns": (200, "(500 - 100) / 2"),
        "itl_max_ns": (200, "both gaps"),
        "eq5_pace_ns": (
            166_666_666 + 22_369_622 / 2**25,
            "100/1, 300/2, 500/3: 166666666 2/3 ns, rounded up as in request 8",
        ),
        "envelope": ([(1, 100), (3, 500)], "three points on one line"),
        **NO_BOUNDS,
        "user_idle_latency_ns": (100, "d = 200, 300, 400: lateness -100, 0, 100"),
        "late_tokens": (1, "token 3"),
        "sustained_pace_ns": (150, "(300 - 200)/1 = 100, (500 - 200)/2 = 150"),
        "qoe": (Fraction(5, 6), "s = 200, 300, 500: 1 - 100 / (3 x 500 - 900) = 1 - 100/600 = 5/6"),
        "fluidity": (
            Fraction(1, 2),
            (
                "slack 100; gap 200 <= 100 + 100, slack 0; gap 200: (200 - 0 - 100) div 100 + 1 = 2 "
                "missed; 2 / 4"
            ),
        ),
    },
    itl_ms=dict.fromkeys(RULES, (200, 200)),
    benefit={"benefit": (Fraction(-9, 4), "3 - 2.5 x (0.1 + 2) s = 3 - 5.25")},
    unfinished_ms=2000,
)

FIRST_LAST = case(
    "11",
    "first_last only",
    "A log with the first and the last token's time and their number.",
    row=request(
        "first-last",
        None,
        timing="first_last",
        ttft_ns=300_000_000,
        last_ns=1_500_000_000,
        input_tokens=15,
        output_tokens=5,
    ),
    reader_ms=(200, 200),
    values={
        "n_input_tokens": (15, "declared"),
        "n_output_tokens": (5, "declared"),
        "n_chunks": (None, "chunk times unknown"),
        "token_deficit": (None, "chunk times unknown"),
        "last_chunk_ns": (1500, "the last known time"),
        "ttft_ns": (300, "given"),
        "e2e_latency_ns": (1500, "given"),
        "tpot_ns": (300, "(1500 - 300) / 4"),
        "itl_max_ns": (None, "chunk times unknown"),
        "eq5_pace_ns": (None, "chunk times unknown"),
        "envelope": (None, "chunk times unknown"),
        "envelope_min": ([(1, 300), (5, 1500)], "tokens 2 to 4 early enough, the last at 1500"),
        "envelope_max": ([(1, 300), (2, 1500)], "tokens 2 to 5 all at 1500"),
        "user_idle_latency_ns": (None, "bounds differ"),
        "user_idle_latency_ns_min": (500, "max(300 - 200, 1500 - 1000)"),
        "user_idle_latency_ns_max": (1100, "max(300 - 200, 1500 - 400)"),
        "late_tokens": (None, "chunk times unknown"),
        "sustained_pace_ns": (None, "chunk times unknown"),
        "qoe": (None, "chunk times unknown"),
        "fluidity": (None, "chunk times unknown"),
    },
    itl_ms=dict.fromkeys(RULES, ()),
    benefit={
        "benefit": (None, "idle latency is NULL"),
        "benefit_min": (Fraction(9, 4), "5 - 2.5 x 1.1 s"),
        "benefit_max": (Fraction(15, 4), "5 - 2.5 x 0.5 s"),
    },
)

TIES = case(
    "12",
    "ties",
    "Messages read from one socket at once share a time. Neither sizes nor a count are declared: "
    "one token a chunk.",
    row=request("ties", [200, 200, 200, 800, 800]),
    reader_ms=(200, 150),
    values={
        "n_input_tokens": (None, "not declared"),
        "n_output_tokens": (5, "one a chunk"),
        "n_chunks": (5, "equal times are five chunks"),
        "token_deficit": (None, "nothing declared"),
        "last_chunk_ns": (800, "x_5"),
        "ttft_ns": (200, "t_1"),
        "e2e_latency_ns": (800, "t_5"),
        "tpot_ns": (150, "(800 - 200) / 4"),
        "itl_max_ns": (600, "gaps 0, 0, 600, 0"),
        "eq5_pace_ns": (200, "200/1, 200/2, 200/3, 800/4, 800/5: first and fourth"),
        "envelope": (
            [(1, 200), (4, 800), (5, 800)],
            "slope 200 to token 4, then 0: the last point stays",
        ),
        **NO_BOUNDS,
        "user_idle_latency_ns": (150, "d = 200, 350, 500, 650, 800; 800 - 650"),
        "late_tokens": (1, "token 4; token 5 is just on time"),
        "sustained_pace_ns": (200, "0/1, 0/2, 600/3, 600/4: the third"),
        "qoe": (
            Fraction(13, 15),
            "s = 200, 350, 500, 800, 950: 1 - 300 / (5 x 950 - 2500) = 1 - 300/2250 = 13/15",
        ),
        "fluidity": (
            Fraction(2, 3),
            "3 hits, slack 300; gap 600: (600 - 300 - 150) div 150 + 1 = 2 missed; 1 hit; 4 / 6",
        ),
    },
    itl_ms=dict.fromkeys(RULES, (0, 0, 600, 0)),
    benefit={"benefit": (Fraction(37, 8), "5 - 2.5 x 0.15 s = 4.625")},
)

CASES: list[Case] = [MULTI, ROLE, UNKNOWN_SIZES, FAILED, FIRST_LAST, TIES]
