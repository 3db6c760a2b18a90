"""A few requests whose figures are derived by hand.

The reader is the default one: 5 tokens/s, so d_i = 200 i ms. All times in ms:

==  ======  ======================  =====================================================  =======
id  status  tokens at               lateness                                               idle
==  ======  ======================  =====================================================  =======
a   ok      100, 300, 700           -100, -100, 100                                        100
b   ok      200                     0                                                      0
c   failed  none                    none                                                   none
d   ok      100 and 900, 3 tokens   token 3 at 900 - 600 at least, token 2 at 900 - 400    300..500
==  ======  ======================  =====================================================  =======

a, b and c are of run r, system s, whose file states 10 s; d is of run q, system t, over 2 s.
"""

from __future__ import annotations

from tests.sql.support import MS, S, delivery, measured, runs_table

HOUR = 3600 * S

A = delivery(
    request_id="a",
    chunk_times_ns=[100 * MS, 300 * MS, 700 * MS],
    input_tokens=10,
    arrival_ns=1_500,
)
B = delivery(request_id="b", chunk_times_ns=[200 * MS], input_tokens=20, arrival_ns=HOUR)
C = delivery(request_id="c", chunk_times_ns=[], input_tokens=30, status="failed", arrival_ns=HOUR)
D = delivery(
    request_id="d",
    run="q",
    system="t",
    timing="first_last",
    clock="monotonic",
    ttft_ns=100 * MS,
    last_ns=900 * MS,
    output_tokens=3,
    end_ns=2 * S,
    arrival_ns=5 * S,
)
ROWS = measured([A, B, C, D])
RUNS_TABLE = runs_table(ROWS, {"r": 10 * S})
SLO = {"max_ttft_ns": 150 * MS, "max_tpot_ns": 300 * MS}

LATENCIES_OF_S = {
    "n_ttft": 2,
    "ttft_mean_ms": 150.0,
    "ttft_std_ms": 50.0,
    "ttft_min_ms": 100.0,
    "ttft_p50_ms": 150.0,
    "ttft_p90_ms": 190.0,
    "ttft_p95_ms": 195.0,
    "ttft_p99_ms": 199.0,
    "ttft_p99_9_ms": 199.9,
    "ttft_max_ms": 200.0,
    "n_tpot": 1,
    "tpot_mean_ms": 300.0,
    "tpot_std_ms": 0.0,
    "tpot_min_ms": 300.0,
    "tpot_p50_ms": 300.0,
    "tpot_p90_ms": 300.0,
    "tpot_p95_ms": 300.0,
    "tpot_p99_ms": 300.0,
    "tpot_p99_9_ms": 300.0,
    "tpot_max_ms": 300.0,
    "n_e2e_latency": 2,
    "e2e_latency_mean_ms": 450.0,
    "e2e_latency_std_ms": 250.0,
    "e2e_latency_min_ms": 200.0,
    "e2e_latency_p50_ms": 450.0,
    "e2e_latency_p90_ms": 650.0,
    "e2e_latency_p95_ms": 675.0,
    "e2e_latency_p99_ms": 695.0,
    "e2e_latency_p99_9_ms": 699.5,
    "e2e_latency_max_ms": 700.0,
    "n_user_idle_latency": 2,
    "user_idle_latency_mean_ms": 50.0,
    "user_idle_latency_std_ms": 50.0,
    "user_idle_latency_min_ms": 0.0,
    "user_idle_latency_p50_ms": 50.0,
    "user_idle_latency_p90_ms": 90.0,
    "user_idle_latency_p95_ms": 95.0,
    "user_idle_latency_p99_ms": 99.0,
    "user_idle_latency_p99_9_ms": 99.9,
    "user_idle_latency_max_ms": 100.0,
}

FIGURES_OF_S = {
    "requests": 3,
    "n_ok": 2,
    "n_failed": 1,
    "n_timeout": 0,
    "n_rejected": 0,
    "n_cancelled": 0,
    "n_incomplete": 0,
    "n_output_tokens": 4,
    "duration_s": 10.0,
    "request_throughput": 0.2,
    "output_throughput": 0.4,
    "total_throughput": 3.4,  # 4 out, 10 + 20 in: c has no token
    "chunks_per_token": 1.0,
    **LATENCIES_OF_S,
    "smooth_goodput": 0.375,  # (3 - 2.5 * 0.1) + 1 + 0
    "smooth_goodput_min": None,
    "smooth_goodput_max": None,
    "attained": 1,  # a: 100 <= 150 and 600 <= 300 * 2; b: 200 > 150
    "undetermined": 0,
    "slo_attainment": 1 / 3,
    "request_goodput": 0.1,
    "token_goodput": 0.3,
    "token_attainment": 0.75,
    "on_time_token_goodput": 0.3,
}

FIGURES_OF_T = {
    "requests": 1,
    "n_ok": 1,
    "n_output_tokens": 3,
    "duration_s": 2.0,
    "request_throughput": 0.5,
    "output_throughput": 1.5,
    "total_throughput": None,  # its prompt is not declared
    "chunks_per_token": None,
    "n_tpot": 1,
    "tpot_p50_ms": 400.0,
    "n_user_idle_latency": 0,
    "user_idle_latency_mean_ms": None,
    "user_idle_latency_std_ms": None,
    "user_idle_latency_p99_ms": None,
    "user_idle_latency_max_ms": None,
    "smooth_goodput": None,
    "smooth_goodput_min": 0.875,  # (3 - 2.5 * 0.5) / 2
    "smooth_goodput_max": 1.125,  # (3 - 2.5 * 0.3) / 2
    "attained": 0,  # 800 > 300 * 2
    "undetermined": 0,
    "slo_attainment": 0.0,
    "request_goodput": 0.0,
    "token_goodput": 0.0,
    "token_attainment": None,
    "on_time_token_goodput": None,
}
