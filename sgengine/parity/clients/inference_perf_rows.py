"""One row of inference-perf's per-request file, typed; texts are passed over but for the request's."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, gc=False):
    """Tokens of the prompt."""

    input_tokens: float | None = None


class Media(msgspec.Struct, gc=False):
    """How many pictures and the like."""

    count: float | None = None


class RequestMetrics(msgspec.Struct, gc=False):
    """What was sent."""

    text: Text | None = None
    image: Media | None = None
    video: Media | None = None
    audio: Media | None = None


class Details(msgspec.Struct, gc=False):
    """What of the prompt was cached."""

    cached_tokens: float | None = None


class Usage(msgspec.Struct, gc=False):
    """The server's counts, as OpenAI or as Anthropic spell them."""

    completion_tokens: float | None = None
    output_tokens: float | None = None
    prompt_tokens: float | None = None
    input_tokens: float | None = None
    prompt_tokens_details: Details | None = None


class Response(msgspec.Struct, gc=False):
    """The client's count, and the time of each token."""

    output_tokens: float | None = None
    output_token_times: list[float] | None = None
    server_usage: Usage | None = None


class Info(msgspec.Struct, gc=False):
    """What was measured; older files have the last three here."""

    request_metrics: RequestMetrics | None = None
    response_metrics: Response | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    output_token_times: list[float] | None = None


class Row(msgspec.Struct, gc=False):
    """One request, its texts passed over but for the request's, whose size is a figure."""

    start_time: float
    end_time: float
    info: Info | None = None
    request: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return bytes(self.error) != b"null"

    @property
    def response(self) -> Response:
        """What came back; the flat fields of older files under the same names."""
        info = self.info or Info()
        return info.response_metrics or Response(
            output_tokens=info.output_tokens, output_token_times=info.output_token_times
        )

    @property
    def usage(self) -> Usage:
        """The server's counts, none of them known without usage."""
        return self.response.server_usage or Usage()

    @property
    def prompt(self) -> float:
        """Tokens of the prompt, unknown ones as none."""
        info = self.info or Info()
        text = info.request_metrics.text if info.request_metrics else None
        tokens = info.input_tokens if text is None else text.input_tokens
        return tokens or 0.0

    @property
    def server_output(self) -> float | None:
        """The server's count of output tokens."""
        usage = self.usage
        return usage.output_tokens if usage.completion_tokens is None else usage.completion_tokens

    def media(self, name: str) -> float:
        """How many pictures and the like the request had."""
        metrics = (self.info or Info()).request_metrics
        found: Media | None = getattr(metrics, name) if metrics else None
        return (found.count or 0.0) if found else 0.0
