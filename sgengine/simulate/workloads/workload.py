"""A workload: what users ask, apart from when; with arrivals it makes a load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sgengine.errors import UsageError
from sgengine.simulate.load import MAX_TOKENS, NO_TURN, Load
from sgengine.simulate.workloads.draws import Stream
from sgengine.simulate.workloads.lengths import Lengths


class Pairs(Protocol):
    """A distribution of prompts with their answers."""

    def draw(self, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of n prompts and of their answers, (n,) int32 each."""
        ...


@dataclass(frozen=True, kw_only=True)
class Independent:
    """Prompts and answers whose lengths have nothing to do with each other.

    In the Azure traces they hardly have: the correlation of the logarithms is -0.004 for code and
    0.09 for conversation.
    """

    prompt: Lengths
    answer: Lengths

    def draw(self, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of n prompts and of their answers."""
        prompts = self.prompt.draw(Stream(seed, "prompt"), n)
        return prompts, self.answer.draw(Stream(seed, "answer"), n)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """Requests of a trace, drawn with their answers, each time any of them."""

    input_tokens: np.ndarray
    output_tokens: np.ndarray

    def draw(self, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of n prompts and of their answers."""
        known = len(self.input_tokens)
        chosen = (Stream(seed, "request").uniform(n) * known).astype(np.int64)
        return self.input_tokens[chosen], self.output_tokens[chosen]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What users ask.

    ``pairs``: lengths of prompts and answers; in a conversation, of what each turn adds. ``turns``:
    turns of a conversation in the mean, geometric; 1 is none. ``think_s``: from the end of an answer
    to the next question, seconds in the mean, exponential. ``source`` says where the figures are from.
    """

    name: str
    pairs: Pairs
    source: str
    turns: float = 1.0
    think_s: float = 0.0

    def load(self, arrival_ns: np.ndarray, *, seed: int, request_rate: float | None = None) -> Load:
        """The load of users who come at ``arrival_ns`` (ns since the start, sorted) and ask this.

        One request a user, or a conversation: turn k + 1 comes a think time after the answer to turn
        k has ended, and its prompt holds all that was said before. ``request_rate`` is carried along.
        """
        turns = Stream(seed, "turns").geometric(len(arrival_ns), self.turns)
        session = np.repeat(np.arange(len(arrival_ns)), turns)
        first = np.concatenate([[0], np.cumsum(turns)[:-1]])[session] if len(session) else session
        number = np.arange(len(session))
        said, answered = self.pairs.draw(seed, len(session))
        is_first = number == first
        return Load(
            name=self.name,
            arrival_ns=np.where(is_first, arrival_ns[session], 0),
            input_tokens=_context(said, answered, first),
            output_tokens=answered,
            previous=np.where(is_first, NO_TURN, number - 1),
            think_ns=np.where(is_first, 0, self._think_ns(seed, len(session))),
            session=session,
            turn=number - first,
            request_rate=request_rate,
        )

    def _think_ns(self, seed: int, n: int) -> np.ndarray:
        seconds = Stream(seed, "think").exponential(n) * self.think_s
        return np.rint(seconds * 1e9).astype(np.int64)


def _context(said: np.ndarray, answered: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(n,) prompts: what is said in a turn behind all that was said and answered in those before."""
    added = said.astype(np.int64) + answered
    before = np.cumsum(added) - added
    prompts: np.ndarray = before - before[first] + said
    if len(prompts) and prompts.max() > MAX_TOKENS:
        raise UsageError(f"a conversation grows beyond {MAX_TOKENS} tokens: give fewer turns")
    return prompts
