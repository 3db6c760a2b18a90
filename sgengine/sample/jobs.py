"""One request on its way through the toy server, and what of it the client sees and logs."""

from __future__ import annotations

from dataclasses import dataclass, field

from sgengine.sample.workloads import MS, SECOND, Call

_CLOSING_NS = MS // 5
"""From the last chunk to the end of the stream."""

_NOTICED_NS = 30 * MS
"""From the last chunk that a user reads to the click that cancels the request."""


@dataclass(kw_only=True)
class Job:
    """The state of one request. Chunks are (ns since arrival, tokens), as the client sees them.

    ``cached`` counts the tokens whose keys and values the server holds; a preempted request has to
    compute prompt and output again before its next token.
    """

    call: Call
    closes_ns: int
    pace_ns: int = 0
    cached: int = 0
    made: int = 0
    preemptions: int = 0
    chunks: list[tuple[int, int]] = field(default_factory=list)
    status: str = ""
    error: str | None = None
    end_ns: int | None = None

    @property
    def needed(self) -> int:
        """Tokens that must be cached before the next token comes out."""
        return self.call.prompt_tokens + self.made

    @property
    def is_decoding(self) -> bool:
        """Whether the next token takes one decode iteration, without any prefill."""
        return self.made > 0 and self.cached == self.needed - 1

    @property
    def is_over(self) -> bool:
        """Whether the server has nothing more to do for it."""
        return self.status != ""

    @property
    def limit_ns(self) -> int:
        """How long after arrival the client gives up if nothing more comes."""
        patience = self.call.patience_ns
        if self.chunks or patience is None:
            return self.call.timeout_ns
        return min(patience, self.call.timeout_ns)

    def deliver(self, now_ns: int, tokens: int) -> None:
        """Send a chunk that was made at ``now_ns``, no sooner than the pace after the last one."""
        at_ns = now_ns + self.call.network_ns - self.call.arrival_ns
        if self.chunks:
            at_ns = max(at_ns, self.chunks[-1][0] + self.pace_ns)
        if self.call.arrival_ns + at_ns > self.closes_ns:
            self.status = "incomplete"
        elif at_ns > self.limit_ns:
            self.give_up()
        else:
            self.chunks.append((at_ns, tokens))
            self.made += tokens
            self._end_if_done(at_ns)

    def _end_if_done(self, at_ns: int) -> None:
        call = self.call
        if call.breaks_after is not None and self.made >= call.breaks_after:
            self.end("failed", at_ns + MS, "connection reset by the server")
        elif call.leaves_after is not None and self.made >= call.leaves_after:
            self.end("cancelled", at_ns + _NOTICED_NS, "closed by the user")
        elif self.made >= call.output_tokens:
            self.end("ok", at_ns + _CLOSING_NS)

    def give_up(self) -> None:
        """Let the client leave at its limit: an impatient user, or a timeout."""
        limit_ns = self.limit_ns
        if limit_ns < self.call.timeout_ns:
            self.end("cancelled", limit_ns, "closed by the user before the first token")
        else:
            self.end("timeout", limit_ns, f"no complete answer within {limit_ns // SECOND} s")

    def reject(self) -> None:
        """Turn the request away on arrival."""
        self.end("rejected", 2 * self.call.network_ns, "429 Too Many Requests")

    def end(self, status: str, end_ns: int, error: str | None = None) -> None:
        """Close the request at ``end_ns`` since arrival; after the end of the log it is unseen."""
        if self.call.arrival_ns + end_ns > self.closes_ns:
            self.status = "incomplete"
        else:
            self.status, self.end_ns, self.error = status, end_ns, error
