-- view: by_system
-- grain: one row a system
-- doc: Every figure of a system under the settings that the connection was opened with.
-- column: system VARCHAR  The serving system.
-- columns of: _group_figures except job, day, system, workload, hour
CREATE OR REPLACE VIEW by_system AS
SELECT
    f.system,
    f.requests, f.n_ok, f.n_failed, f.n_timeout, f.n_rejected, f.n_cancelled, f.n_incomplete,
    f.n_output_tokens, f.duration_s, f.request_throughput, f.output_throughput,
    f.total_throughput, f.chunks_per_token, f.n_ttft, f.ttft_mean_ms, f.ttft_std_ms,
    f.ttft_min_ms, f.ttft_p50_ms, f.ttft_p90_ms, f.ttft_p95_ms, f.ttft_p99_ms, f.ttft_p99_9_ms,
    f.ttft_max_ms, f.n_tpot, f.tpot_mean_ms, f.tpot_std_ms, f.tpot_min_ms, f.tpot_p50_ms,
    f.tpot_p90_ms, f.tpot_p95_ms, f.tpot_p99_ms, f.tpot_p99_9_ms, f.tpot_max_ms, f.n_e2e_latency,
    f.e2e_latency_mean_ms, f.e2e_latency_std_ms, f.e2e_latency_min_ms, f.e2e_latency_p50_ms,
    f.e2e_latency_p90_ms, f.e2e_latency_p95_ms, f.e2e_latency_p99_ms, f.e2e_latency_p99_9_ms,
    f.e2e_latency_max_ms, f.n_user_idle_latency, f.user_idle_latency_mean_ms,
    f.user_idle_latency_std_ms, f.user_idle_latency_min_ms, f.user_idle_latency_p50_ms,
    f.user_idle_latency_p90_ms, f.user_idle_latency_p95_ms, f.user_idle_latency_p99_ms,
    f.user_idle_latency_p99_9_ms, f.user_idle_latency_max_ms, f.smooth_goodput,
    f.smooth_goodput_min, f.smooth_goodput_max, f.attained, f.undetermined, f.slo_attainment,
    f.request_goodput, f.token_goodput, f.token_attainment, f.on_time_token_goodput
FROM _group_figures(false, true, false, false) AS f
ORDER BY f.system;
