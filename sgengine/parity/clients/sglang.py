"""SGLang's bench_serving: a run a line, without starts, latencies or ids.

Its E2E ends at the last line of the stream, `[DONE]` included, and is not saved: figures of E2E and
TPOT have a lower bound alone, but for the mean E2E, which `concurrency` gives away.
"""

from __future__ import annotations

from sgengine.parity.profile import Closed, Figure, Profile, Settings, Tolerance

_SPAN = "the client's clock around the run"
_OPEN_END = Tolerance(
    reason="the end is the last line of the stream, [DONE] too, and not saved: the last token alone "
    "bounds it from below"
)
_NO_STARTS = "needs the times at which requests were sent, which the file has not"

PROFILE = Profile(
    client="sglang",
    versions="0.5",
    files="one JSON object a line and run, summary and detail together (--output-details)",
    rules=(
        Figure(
            name="ttft",
            at=("{s}_ttft_ms",),
            doc="first non-empty text since the sending",
            source="ttft",
            ours="ttft_ms",
            why="ours includes failed requests that delivered a token",
        ),
        Figure(
            name="mean e2e_latency",
            at=("mean_e2e_latency_ms",),
            doc="concurrency * duration / completed, of the file's own figures",
            source="mean_e2e",
            denominator="completed",
            ours="e2e_latency_ms/mean",
            why="ours ends at the last token, the client at the stream's last line",
        ),
        Figure(
            name="e2e_latency",
            at=("{s}_e2e_latency_ms",),
            doc="latency of the request, up to the stream's last line",
            source="e2e",
            tolerance=_OPEN_END,
            ours="e2e_latency_ms",
            why="ours ends at the last token, the client at the stream's last line",
        ),
        Figure(
            name="tpot",
            at=("{s}_tpot_ms",),
            doc="(latency - ttft) / (output_len - 1), a value a request",
            source="tpot",
            population="successful requests of 2 tokens or more",
            tolerance=_OPEN_END,
            ours="tpot_ms",
            why="ours ends at the last token, the client at the stream's last line",
        ),
        Figure(
            name="itl",
            at=("{s}_itl_ms",),
            doc="gaps between texts, pooled; the native backend splits a gap over its tokens",
            source="itl",
            population="all gaps of successful requests",
            ours="itl_ms",
            why="the native backend's is our rule spread, others are rule chunk; ours includes failed "
            "requests",
        ),
        Figure(
            name="completed",
            at=("completed",),
            doc="requests without error",
            source="completed",
            ours="status/ok",
            why="ok by the same rule",
        ),
        Figure(
            name="total_input_text_tokens",
            at=("total_input_text_tokens",),
            doc="input tokens without those of pictures, of the file's own figures",
            source="input_text",
            why="ours has one count of input tokens",
        ),
        Figure(
            name="total_output_tokens",
            at=("total_output_tokens",),
            doc="sum of output_lens",
            source="output",
            why="ours is no figure of its own, it is in the throughputs",
        ),
        Figure(
            name="request_throughput",
            at=("request_throughput",),
            doc="completed / duration",
            source="request_throughput",
            denominator="duration",
            window=_SPAN,
            ours="request_throughput",
            why="the same requests over the same seconds: ours equals it",
        ),
        Figure(
            name="input_throughput",
            at=("input_throughput",),
            doc="total_input_tokens / duration, of the file's own figures",
            source="input_throughput",
            denominator="duration",
            window=_SPAN,
            why="ours has none of input tokens alone",
        ),
        Figure(
            name="output_throughput",
            at=("output_throughput",),
            doc="output tokens / duration",
            source="output_throughput",
            denominator="duration",
            window=_SPAN,
            ours="output_throughput",
            why="ours counts the tokens that failed requests delivered too",
        ),
        Figure(
            name="total_throughput",
            at=("total_throughput", "total_token_throughput"),
            doc="(total_input_tokens, of the file, + output tokens) / duration",
            source="total_throughput",
            denominator="duration",
            window=_SPAN,
            ours="total_throughput",
            why="ours counts every request that delivered a token",
        ),
        Figure(
            name="concurrency",
            at=("concurrency",),
            doc="sum of latencies / duration",
            source="concurrency",
            denominator="duration",
            tolerance=_OPEN_END,
            why="ours has no such figure",
        ),
        Figure(
            name="slo_attainment",
            at=("slo_attainment",),
            doc="good requests / requests; a request of one token has TPOT 0 and passes",
            source="slo_attainment",
            population="all requests sent, failed ones too",
            denominator="requests sent",
            tolerance=_OPEN_END,
            ours="slo_attainment",
            why="the same denominator (all); ours measures TPOT and E2E at the last token",
        ),
        Figure(
            name="slo_attainment by metric",
            at=("slo_attainment_by_metric/{metric}",),
            doc="requests within this one objective / requests",
            source="slo/{metric}",
            population="all requests sent, failed ones too",
            denominator="requests sent",
            tolerance=_OPEN_END,
            why="ours is of all clauses together; give one clause to --goodput",
        ),
        Figure(
            name="request_goodput",
            at=("request_goodput",),
            doc="good requests / duration",
            source="request_goodput",
            denominator="duration",
            tolerance=_OPEN_END,
            ours="request_goodput",
            why="ours measures TPOT and E2E at the last token",
        ),
        Closed(at=("duration",), reason="the client's own clock around the run"),
        Closed(
            at=("total_output_tokens_retokenized",),
            reason="counted with the client's tokenizer, which the file has not",
        ),
        Closed(
            at=("total_input_tokens",),
            reason="counted by the client before sending; input_lens are the server's counts of "
            "requests that succeeded",
        ),
        Closed(
            at=("total_input_vision_tokens",),
            reason="the file does not split the input tokens of requests",
        ),
        Closed(at=("accept_length", "cache_report/**"), reason="counters of the server"),
        Closed(
            at=("max_output_tokens_per_s", "max_concurrent_requests", "steady_state{any}"),
            reason=_NO_STARTS,
        ),
        Settings(
            at=(
                "request_rate",
                "max_concurrency",
                "sharegpt_output_len",
                "random_{any}",
                "server_info/**",
                "goodput_slos_ms/*",
                "num_prompts",
            )
        ),
    ),
)
PROFILES = (PROFILE,)
