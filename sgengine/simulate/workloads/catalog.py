"""Workloads of published length statistics, by name, each with its source."""

from __future__ import annotations

from sgengine.errors import UsageError
from sgengine.simulate.load import MAX_TOKENS
from sgengine.simulate.workloads.lengths import Fixed, Geometric, LogNormal, Quantiles
from sgengine.simulate.workloads.workload import Independent, Workload

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)

CONVERSATION = Workload(
    name="conversation",
    pairs=Independent(
        prompt=Quantiles(
            shares=_SHARES,
            tokens=(2, 29, 181, 207, 396, 1020, 1189, 2734, 4083, 4142, 6212, 14050),
        ),
        answer=Quantiles(
            shares=_SHARES, tokens=(7, 16, 41, 54, 85, 129, 395, 424, 451, 601, 954, 1000)
        ),
    ),
    source="quantiles of the Azure LLM inference trace 2023, conversation (19,366 requests)",
)

CODE = Workload(
    name="code",
    pairs=Independent(
        prompt=Quantiles(
            shares=_SHARES,
            tokens=(3, 17, 75, 147, 578, 1469, 2745, 5186, 7302, 7436, 7437, 7437),
        ),
        answer=Quantiles(shares=_SHARES, tokens=(6, 6, 6, 7, 9, 13, 24, 55, 90, 252, 824, 1899)),
    ),
    source="quantiles of the Azure LLM inference trace 2023, code (8,819 requests)",
)

SHAREGPT = Workload(
    name="sharegpt",
    pairs=Independent(prompt=LogNormal.of_median(1730, 5696), answer=LogNormal.of_median(415, 834)),
    source="median and P90 of openchat_sharegpt4 in Sarathi-Serve (arXiv 2403.02310, table 2); the "
    "shape is log-normal",
)

SUMMARIZATION = Workload(
    name="summarization",
    pairs=Independent(
        prompt=LogNormal.of_median(7059, 12985), answer=LogNormal.of_median(208, 371)
    ),
    source="median and P90 of arxiv_summarization in Sarathi-Serve (arXiv 2403.02310, table 2); the "
    "shape is log-normal",
)

LOOGLE = Workload(
    name="loogle",
    pairs=Independent(prompt=LogNormal.of_mean(23474, 6105), answer=LogNormal.of_mean(16, 9.9)),
    source="mean and deviation of LooGLE's long-context questions in Preble (arXiv 2407.00023, "
    "table 1); the shape is log-normal, and no prefix is shared",
)

CHAT = Workload(
    name="chat",
    pairs=Independent(prompt=Geometric(mean=69.5), answer=Geometric(mean=214.5)),
    turns=2.0,
    think_s=30.0,
    source="means of LMSYS-Chat-1M (arXiv 2309.11998, table 1): turns, tokens a prompt, tokens an "
    "answer; shapes are geometric, and the think time of 30 s is ours",
)

WORKLOADS = {w.name: w for w in (SHAREGPT, CONVERSATION, CODE, SUMMARIZATION, LOOGLE, CHAT)}
"""By name. What was published is quoted; only the Azure quantiles were computed anew, from the traces.
docs/simulator.md, section 7, says where the others were checked, and which three could not be."""

_FIXED = "fixed:"


def workload(name: str) -> Workload:
    """The workload of this name, or of ``fixed:IN/OUT`` tokens; UsageError for any other."""
    if name in WORKLOADS:
        return WORKLOADS[name]
    lengths = name.removeprefix(_FIXED).split("/")
    if name.startswith(_FIXED) and len(lengths) == 2 and all(map(_is_count, lengths)):
        prompt, answer = (Fixed(tokens=int(text)) for text in lengths)
        pairs = Independent(prompt=prompt, answer=answer)
        return Workload(name=name, pairs=pairs, source="lengths as given")
    raise UsageError(
        f"workload '{name}' is none of {', '.join(WORKLOADS)}, nor fixed:IN/OUT as in fixed:512/128, "
        "nor a trace file that is there"
    )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_TOKENS
