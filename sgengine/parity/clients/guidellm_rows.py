"""The requests of one GuideLLM benchmark, in all schemas: times in unix seconds, counts of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sgengine.errors import FormatError

STATUSES = ("successful", "incomplete", "errored")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request. Times in s since the epoch, None where they did not happen.

    ``ended`` is when the request ended by its own clock, ``end`` that or when it was given up.
    ``chunks`` are the content messages, ``messages`` all of them. ``texts``: input and output by kind.
    """

    start: float | None
    end: float | None
    ended: float | None
    due: float | None
    first: float | None
    first_output: float | None
    last: float | None
    chunks: int
    messages: int
    prompt: float | None
    output: float | None
    blocked: float | None
    turn: int
    last_trip_ms: float | None = None
    mean_trip_ms: float | None = None
    texts: tuple[tuple[float | None, float | None], ...] = ()

    @property
    def tokens(self) -> float:
        """Prompt and output tokens, unknown ones as none."""
        return (self.prompt or 0.0) + (self.output or 0.0)

    @property
    def latency(self) -> float | None:
        """Seconds from sending to the end."""
        return None if self.start is None or self.ended is None else self.ended - self.start

    @property
    def ttft_ms(self) -> float | None:
        """Sending to first token."""
        return (
            None if self.start is None or self.first is None else 1000 * (self.first - self.start)
        )

    @property
    def ttfot_ms(self) -> float | None:
        """Sending to the first token that is no reasoning."""
        if self.start is None or self.first_output is None:
            return None
        return 1000 * (self.first_output - self.start)

    @property
    def itl_ms(self) -> float | None:
        """First to last token over the tokens behind the first."""
        if self.first is None or self.last is None or not self.output or self.output <= 1:
            return None
        return 1000 * (self.last - self.first) / (self.output - 1)

    @property
    def tpot_ms(self) -> float | None:
        """Sending to last token over all tokens, the first included."""
        last = self.last or self.end
        if self.start is None or last is None or not self.output:
            return None
        return 1000 * (last - self.start) / self.output

    @property
    def dispatch_delay(self) -> float | None:
        """Due to sent."""
        return None if self.start is None or self.due is None else self.start - self.due

    @property
    def predecessor_delay(self) -> float | None:
        """The part of it that the turn before took."""
        if self.start is None or self.due is None:
            return None
        return 0.0 if self.blocked is None else max(0.0, min(self.start, self.blocked) - self.due)

    @property
    def scheduled_latency(self) -> float | None:
        """Due to ended."""
        return None if self.due is None or self.ended is None else self.ended - self.due


TEXTS = ("tokens", "words", "characters")


class _Text(msgspec.Struct, gc=False):
    text_tokens: float | None = None
    text_words: float | None = None
    text_characters: float | None = None
    total_tokens: float | None = None

    def values(self) -> tuple[float | None, ...]:
        return (self.text_tokens, self.text_words, self.text_characters)


class _Timings(msgspec.Struct, gc=False):
    targeted_start: float | None = None
    predecessor_completed: float | None = None
    resolve_start: float | None = None
    request_start: float | None = None
    first_token_iteration: float | None = None
    first_output_token_iteration: float | None = None
    last_token_iteration: float | None = None
    request_iterations: int | None = None
    token_iterations: int | None = None
    request_end: float | None = None
    resolve_end: float | None = None
    last_request_sent: float | None = None
    request_sent_sum: float = 0.0
    request_sent_count: int = 0
    token_received_sum: float = 0.0
    token_received_count: int = 0

    def last_trip_ms(self) -> float | None:
        """Last packet sent to last token, of websockets."""
        if self.last_token_iteration is None or self.last_request_sent is None:
            return None
        return 1000 * (self.last_token_iteration - self.last_request_sent)

    def mean_trip_ms(self) -> float | None:
        """Mean of the times tokens came less that of the times packets went, of websockets."""
        if self.request_sent_count <= 0 or self.token_received_count <= 0:
            return None
        sent = self.request_sent_sum / self.request_sent_count
        return 1000 * (self.token_received_sum / self.token_received_count - sent)


class _Info(msgspec.Struct, gc=False):
    timings: _Timings
    turn_index: int | None = None


class _Request(msgspec.Struct, gc=False):
    """A row since 0.5."""

    info: _Info
    input_metrics: _Text = msgspec.field(default_factory=_Text)
    output_metrics: _Text = msgspec.field(default_factory=_Text)
    prompt_tokens: float | None = None
    output_tokens: float | None = None

    def row(self) -> Row:
        times, info = self.info.timings, self.info
        chunks = times.token_iterations or 0
        output = self.output_metrics.total_tokens
        output = self.output_tokens if output is None else output
        prompt = self.input_metrics.total_tokens
        inputs, outputs = self.input_metrics.values(), self.output_metrics.values()
        return Row(
            start=times.resolve_start if times.request_start is None else times.request_start,
            end=times.resolve_end if times.request_end is None else times.request_end,
            ended=times.request_end,
            due=times.targeted_start,
            first=times.first_token_iteration,
            first_output=times.first_output_token_iteration,
            last=times.last_token_iteration,
            chunks=chunks,
            messages=times.request_iterations or 0,
            prompt=self.prompt_tokens if prompt is None else prompt,
            output=(chunks or None) if output is None else output,
            blocked=times.predecessor_completed,
            turn=info.turn_index or 0,
            last_trip_ms=times.last_trip_ms(),
            mean_trip_ms=times.mean_trip_ms(),
            texts=tuple(zip(inputs, outputs, strict=True)),
        )


class _Requests(msgspec.Struct, gc=False):
    successful: list[_Request] | None = None
    incomplete: list[_Request] | None = None
    errored: list[_Request] | None = None


class _Old(msgspec.Struct, gc=False):
    """A row of 0.3."""

    start_time: float
    end_time: float
    first_token_time: float | None = None
    last_token_time: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None

    def row(self) -> Row:
        return Row(
            start=self.start_time,
            end=self.end_time,
            ended=self.end_time,
            due=None,
            first=self.first_token_time,
            first_output=None,
            last=self.last_token_time,
            chunks=0,
            messages=0,
            prompt=self.prompt_tokens,
            output=self.output_tokens,
            blocked=None,
            turn=0,
        )


class _OldRequests(msgspec.Struct, gc=False):
    successful: list[_Old] | None = None
    incomplete: list[_Old] | None = None
    errored: list[_Old] | None = None


KINDS: dict[bool, type[_Requests] | type[_OldRequests]] = {False: _Requests, True: _OldRequests}
"""What the lists of requests are decoded as: since 0.5, and before."""

Rows = dict[str, list[Row]]


MOST_TOKENS = 10_000_000
"""More tokens or messages in a request are damage: an event is made of each."""


def rows_of(path: str, requests: _Requests | _OldRequests) -> Rows:
    """The rows by status. Raises FormatError for counts beyond reason."""
    lists: dict[str, Sequence[_Request | _Old]] = {
        status: getattr(requests, status) or [] for status in STATUSES
    }
    rows = {status: [request.row() for request in found] for status, found in lists.items()}
    for row in (row for found in rows.values() for row in found):
        most = max(row.chunks, row.output or 0)
        if not (most <= MOST_TOKENS and min(row.chunks, row.output or 0) >= 0):
            raise FormatError(
                f"{path} has a request of {most:g} tokens; allowed are 0 to {MOST_TOKENS}: the file is "
                "damaged, take it from the client again"
            )
    return rows
