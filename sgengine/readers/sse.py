"""What a streamed reply's messages hold: output or not, of which kind, and the tokens counted so far.

Messages are those of the chat, completions and responses interfaces of OpenAI, of Anthropic's, and of
text-generation servers. Roles, usage, pings and ``[DONE]`` are messages without output. Texts are
looked at, not decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from sgengine.readers.json_lines import REFUSALS

_ABSENT = msgspec.Raw(b"null")
_BLANK = (b"null", b'""', b"[]", b"{}", b"false", b"0")

_TOKENS_MAX = 2**31 - 1


class _Details(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """Tokens as the server counts them, cumulative where every message has them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    completion_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None

    @property
    def prompt(self) -> int | None:
        """Prompt tokens."""
        return self.input_tokens if self.prompt_tokens is None else self.prompt_tokens

    @property
    def completion(self) -> int | None:
        """Output tokens so far, reasoning included."""
        return self.output_tokens if self.completion_tokens is None else self.completion_tokens

    @property
    def reasoning(self) -> int | None:
        """Reasoning tokens among them."""
        details = self.completion_tokens_details or self.output_tokens_details
        return None if details is None else details.reasoning_tokens


class _Call(msgspec.Struct, gc=False):
    name: msgspec.Raw = _ABSENT
    arguments: msgspec.Raw = _ABSENT

    @property
    def is_output(self) -> bool:
        return _has(self.name) or _has(self.arguments)


class _ToolCall(msgspec.Struct, gc=False):
    function: _Call | None = None

    @property
    def is_output(self) -> bool:
        return self.function is not None and self.function.is_output


class _Delta(msgspec.Struct, gc=False):
    """A delta of OpenAI's chat, or of a content block of Anthropic's messages."""

    content: msgspec.Raw = _ABSENT
    text: msgspec.Raw = _ABSENT
    partial_json: msgspec.Raw = _ABSENT
    reasoning_content: msgspec.Raw = _ABSENT
    reasoning: msgspec.Raw = _ABSENT
    thinking: msgspec.Raw = _ABSENT
    tool_calls: list[_ToolCall] | None = None
    function_call: _Call | None = None

    @property
    def is_visible(self) -> bool:
        calls = any(call.is_output for call in self.tool_calls or ())
        called = self.function_call is not None and self.function_call.is_output
        return calls or called or any(map(_has, (self.content, self.text, self.partial_json)))

    @property
    def is_reasoning(self) -> bool:
        return any(map(_has, (self.reasoning_content, self.reasoning, self.thinking)))


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    message: _Delta | None = None
    text: msgspec.Raw = _ABSENT


class _Token(msgspec.Struct, gc=False):
    text: msgspec.Raw = _ABSENT


class _Holder(msgspec.Struct, gc=False):
    usage: Usage | None = None


class _Payload(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    delta: msgspec.Raw = _ABSENT
    token: _Token | None = None
    type: str | None = None
    text_output: msgspec.Raw = _ABSENT
    generated_text: msgspec.Raw = _ABSENT
    usage: Usage | None = None
    message: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT
    model: str | None = None


class Message(NamedTuple):
    """One message: whether it holds visible output (text or a tool call) or reasoning."""

    visible: bool
    reasoning: bool
    usage: Usage | None
    model: str | None

    @property
    def is_output(self) -> bool:
        """Whether any token came with it: only then it is a chunk."""
        return self.visible or self.reasoning

    @property
    def completion(self) -> int | None:
        """Output tokens so far, if it says."""
        return None if self.usage is None else self.usage.completion


NOTHING = Message(visible=False, reasoning=False, usage=None, model=None)
"""A message that is no JSON object of a known kind: ``[DONE]``, a ping, an error page."""

_PAYLOAD = msgspec.json.Decoder(_Payload)
_DELTA = msgspec.json.Decoder(_Delta)
_HOLDER = msgspec.json.Decoder(_Holder)


def message(data: str) -> Message:
    """What the data of one event, or the body of a reply that was not streamed, holds."""
    if not data.lstrip().startswith("{"):
        return NOTHING
    try:
        found = _PAYLOAD.decode(data)
        visible, reasoning = _output(found)
        usage = found.usage or _held_usage(found)
    except REFUSALS:
        return NOTHING
    return Message(visible=visible, reasoning=reasoning, usage=usage, model=found.model)


def events(text: str) -> list[str]:
    """The data of each event in a piece of a stream; what is no event stream is one piece of data."""
    parts = [line.removeprefix("data:").strip() for line in text.split("\n") if _is_data(line)]
    return parts or [text]


def _is_data(line: str) -> bool:
    return line.startswith("data:")


def _held_usage(payload: _Payload) -> Usage | None:
    """Usage inside the whole message or response that first and last events carry."""
    for raw in (bytes(payload.message), bytes(payload.response)):
        if raw[:1] == b"{":
            return _HOLDER.decode(raw).usage
    return None


def _output(payload: _Payload) -> tuple[bool, bool]:
    """Whether a payload holds visible output, and whether reasoning."""
    if payload.choices:
        deltas = [choice.delta or choice.message or _Delta() for choice in payload.choices]
        visible = any(_has(choice.text) for choice in payload.choices)
        return (
            visible or any(delta.is_visible for delta in deltas),
            any(delta.is_reasoning for delta in deltas),
        )
    if payload.token is not None:
        return _has(payload.token.text), False
    if _has(payload.delta):
        return _typed_delta(payload)
    return _has(payload.text_output) or _has(payload.generated_text), False


def _typed_delta(payload: _Payload) -> tuple[bool, bool]:
    """Events that name their type: Anthropic's have an object as delta, OpenAI's responses a text."""
    kind = payload.type or ""
    raw = bytes(payload.delta)
    if raw[:1] == b"{":
        delta = _DELTA.decode(raw)
        return delta.is_visible, delta.is_reasoning
    if not kind.endswith(".delta") or raw[:1] != b'"':
        return False, False
    is_reasoning = "reasoning" in kind
    return not is_reasoning, is_reasoning


def _has(raw: msgspec.Raw) -> bool:
    """Whether there is anything in a value."""
    return bytes(memoryview(raw)[:6]) not in _BLANK


class Counts(NamedTuple):
    """Tokens as the server counted them at last; ``None`` where it did not, or not credibly."""

    prompt: int | None
    completion: int | None
    reasoning: int | None


def counts(messages: Sequence[Message]) -> Counts:
    """The last number of each kind that a reply's messages tell."""
    usages = [found.usage for found in messages if found.usage is not None]
    return Counts(
        prompt=_last(usage.prompt for usage in usages),
        completion=_last(usage.completion for usage in usages),
        reasoning=_last(usage.reasoning for usage in usages),
    )


def _last(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None and 0 <= value <= _TOKENS_MAX]
    return known[-1] if known else None


def sizes(totals: Sequence[int | None]) -> np.ndarray | None:
    """Tokens of each chunk from the tokens counted by its end; ``None`` unless every chunk says.

    Tokens counted between two chunks came with the second.
    """
    known = [total for total in totals if total is not None]
    if not known or len(known) < len(totals) or not 1 <= known[0] <= known[-1] <= _TOKENS_MAX:
        return None
    steps = [known[0], *(after - before for before, after in pairwise(known))]
    return None if min(steps) < 0 else np.array(steps, dtype=np.int32)
