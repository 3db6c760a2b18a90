-- view: by_night
-- grain: one row a job, day, system and workload
-- doc: Every figure of a night's system and workload under the settings that the connection was opened
--   with. A filter on job, day, system or workload reads the files of these alone. Without a store it
--   is by_system_workload, with job and day NULL.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- columns of: _group_figures except job, day, system, workload, hour
CREATE OR REPLACE VIEW by_night AS
SELECT
    f.job,
    f.day,
    f.system,
    f.workload,
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
FROM _group_figures(true, true, true, false) AS f
ORDER BY f.day, f.job, f.system, f.workload;
