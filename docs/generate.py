"""Writes the generated parts of the documentation: ``make docs``. Tests check that they are up to date.

The picture needs Altair and vl-convert (the dependency group ``docs``); the rest does not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sgengine.check import KINDS, SEVERITIES, STORE_KINDS, Kind
from sgengine.gate import DEFAULT_METRICS, METRICS, Metric
from sgengine.parity import render_profiles
from sgengine.schema import TABLES, TableSpec
from sgengine.schema.rules import RULES
from sgengine.sql import render_reference

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PICTURE = DOCS / "delivery-curve.svg"
SQL = ("<!-- generated: reference -->", "<!-- end of generated -->")
METRICS_OF_GATE = ("<!-- generated: metrics -->", "<!-- end of generated -->")
TRANSCRIPT = ("<!-- transcript:begin -->", "<!-- transcript:end -->")
COMMAND = (
    "sgengine analyze data/prefill-first.parquet data/delayed.parquet --goodput ttft:500 tpot:50"
)


def tables_page() -> str:
    """docs/tables.md: every table with its columns, types, units and NULL rules."""
    parts = [
        "# The tables\n",
        "Generated from `sgengine/schema`; `sgengine schema` prints the same.\n",
        "Times are whole nanoseconds; undefined is NULL, never 0.\n",
    ]
    parts += [_table(spec) for spec in TABLES]
    parts.append("\n## Rules\n\nWhy a row is not measured (`rejects.reason`):\n")
    parts.append("| reason | what is allowed |\n| --- | --- |")
    parts += [f"| `{rule.name}` | {rule.allowed} |" for rule in RULES]
    return "\n".join(parts) + "\n"


def _table(spec: TableSpec) -> str:
    lines = [
        f"\n## {spec.name}\n",
        f"Grain: {spec.grain}. Key: {', '.join(f'`{name}`' for name in spec.key)}.\n",
        "| column | type | unit | meaning | NULL when |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in spec.columns:
        kind = str(column.type).replace("|", "\\|")
        lines.append(f"| `{column.name}` | {kind} | {column.unit} | {column.doc} | {column.null} |")
    return "\n".join(lines)


CHECK = """# Checking a trace

```sh
sgengine check data/*.parquet
sgengine check data/ --json
```

`sgengine check INPUT...` looks at every row once, in the memory of `--memory`, and says what would
make figures untrue, before anyone trusts them. It takes inputs as `analyze` does. In a notebook:

```python
from sgengine.check import check

checked = check(["data"])
print(checked.is_clean, [finding.name for finding in checked.findings])
```

A finding has a name, a severity, how many rows, requests, runs or sources it is about (`count`, `of`)
and their share of all, an example (source, run, request or place), and a message that ends in what to
do. The exit code is 1 if any finding is an error, else 0.

- **error**: figures would be wrong, or rows are missing from them;
- **warning**: figures are right, and mean less than they seem to;
- **info**: good to know.

Generated from `sgengine/check/kinds.py`; rows that break a rule (`tables.md`) have its name."""

CHECK_STORE = """
# Checking a store

```sh
sgengine analyze data/*.parquet --store results
sgengine check results
```

`sgengine check STORE` looks at every log entry of a results store, decodes every byte of its live
files and holds them against their checksums and against the counts that each commit wrote down. What
it names, no reader would have answered from: opening a store compares the newest log entry and the
live files of every table with the seals that the last commit left, and a data file that is gone or cut
is an error when it is read. Damage is told in one line, never by a smaller figure.

| what happened | what to do |
| --- | --- |
| power was lost, or the disk was full: the newest log entry is empty or cut | `sgengine check STORE --mend` sets it aside, into `_sgengine/damaged/`; measure its night again (`nightly` over the last days skips those that are there) |
| a data file is gone, cut, or does not decode | measure its night again: that replaces all of it |
| an older log entry is damaged or gone | bring it back from a copy |
| another program wrote to a table: compaction, an append, a restore | remove its entry if it is the newest; write to a store with sgengine alone |

Generated from `sgengine/check/store_kinds.py`."""


def check_page() -> str:
    """docs/check.md: every finding with its severity, meaning and advice."""
    return "\n".join([CHECK, *_findings(KINDS), CHECK_STORE, *_findings(STORE_KINDS)]) + "\n"


def _findings(kinds: Sequence[Kind]) -> Iterator[str]:
    for severity in SEVERITIES:
        yield f"\n## {severity}\n\n| finding | counts | what it means | what to do |"
        yield "| --- | --- | --- | --- |"
        for kind in kinds:
            if kind.severity == severity:
                yield f"| `{kind.name}` | {kind.of} | {kind.meaning} | {kind.advice} |"


PARITY = """# A client's own figures

```text
sgengine parity results/openai-chat.json
sgengine parity results/ --all
sgengine parity results/ --json
```

`sgengine parity INPUT...` takes result files of benchmark clients, folders or globs. It recomputes the
figures that a file states by the rules of the client that wrote it, quirks and all, and shows for each
the stated value, the recomputed one, ours, and why ours differs. What cannot be recomputed is listed
with the reason; nothing that a file states is left out. Summaries that a client writes beside its
detail are found there. In a notebook: `sgengine.parity.parity(inputs)`.

| verdict | meaning |
| --- | --- |
| match | recomputed, and within the tolerance of the table below |
| bounded | the detail gives bounds alone, and the stated value lies within them |
| mismatch | neither: the file does not belong together, was changed, or its client has another rule |
| not recomputed | stated, but not a function of what the file has |

The exit code is 1 if there is a mismatch or a damaged file. Tolerances are relative to the larger of the
two values; standard deviations and variances of nearly equal values are compared to 1e-12 of the largest
value. Ours are those of `sgengine analyze` for the run, under the SLO that the file states, if any.

Where builds of a client differ and its files do not say which build wrote them, the stated figures decide:
inference-perf's count of output tokens (`use_server_output_tokens`), GuideLLM 0.3's `tokens_per_second`,
genai-bench's `error_rate`, the peak concurrency of vLLM with `latencies[]`.

## Profiles

Generated from `sgengine/parity/clients`. In a place, `{s}` stands for a statistic as the client spells it,
`*` and other names in braces for any key, `**` for everything below."""


def parity_page() -> str:
    """docs/parity.md: what each client calls what, its rules, and why ours differs."""
    return f"{PARITY}\n{render_profiles()}\n"


def gate_metrics() -> str:
    """The table of docs/gate.md: what can be judged, which way is worse, and the least effects."""
    lines = [
        "| figure | unit | worse is | least percent | least absolute | default |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(_gate_metric, METRICS)])


def _gate_metric(metric: Metric) -> str:
    worse = "lower" if metric.worse < 0 else "higher"
    default = "yes" if metric.name in DEFAULT_METRICS else ""
    least = f"{metric.min_percent:g} | {metric.min_absolute:g}"
    return f"| `{metric.name}` | {metric.unit} | {worse} | {least} | {default} |"


def between(page: str, marks: tuple[str, str], text: str) -> str:
    """``page`` with ``text`` between its two marks."""
    before, _, rest = page.partition(marks[0])
    _, _, after = rest.partition(marks[1])
    return f"{before}{marks[0]}\n{text.strip()}\n{marks[1]}{after}"


def transcript() -> str:
    """What the README's command prints, as a fenced block."""
    sgengine = Path(sys.executable).parent / "sgengine"
    words = COMMAND.split()[1:]
    done = subprocess.run([sgengine, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return f"```text\n$ {COMMAND}\n{printed.strip()}\n```"


def pages() -> dict[Path, str]:
    """Every generated page but the picture, by path."""
    readme, sql, gate = ROOT / "README.md", DOCS / "sql.md", DOCS / "gate.md"
    return {
        DOCS / "tables.md": tables_page(),
        DOCS / "check.md": check_page(),
        DOCS / "parity.md": parity_page(),
        sql: between(sql.read_text("utf-8"), SQL, render_reference()),
        gate: between(gate.read_text("utf-8"), METRICS_OF_GATE, gate_metrics()),
        readme: between(readme.read_text("utf-8"), TRANSCRIPT, transcript()),
    }


def picture() -> None:
    """One request of the sample with a stall, against its reader."""
    import altair as alt
    import polars as pl

    import sgengine

    trace = sgengine.read(ROOT / "data" / "prefill-first.parquet")
    request, speed = "summarization-0012", 12
    points = pl.DataFrame(sgengine.curve(trace, request, speed=speed))
    names = {
        "delivered_ns": "delivered",
        "read_ns": "read (smoothed delivery curve)",
        "due_ns": "due to the reader",
    }
    lines = points.unpivot(list(names), index="token", variable_name="curve", value_name="ns")
    lines = lines.with_columns(
        pl.col("curve").replace(names), (pl.col("ns") / 1e9).alias("seconds")
    )
    gap = points.with_columns(
        (pl.col("due_ns") / 1e9).alias("from"), (pl.col("read_ns") / 1e9).alias("to")
    )
    x = alt.X("seconds:Q", title="seconds since the request arrived")
    y = alt.Y("token:Q", title="tokens")
    shade = (
        alt.Chart(gap.select("token", "from", "to"))
        .mark_area(color="#d62728", opacity=0.18, orient="horizontal")
        .encode(x=alt.X("from:Q"), x2="to:Q", y="token:Q")
    )
    colours = alt.Scale(
        domain=[names["due_ns"], names["delivered_ns"], names["read_ns"]],
        range=["#7f7f7f", "#1f77b4", "#d62728"],
    )
    drawn = (
        alt.Chart(lines)
        .mark_line(interpolate="step-after")
        .encode(x=x, y=y, color=alt.Color("curve:N", scale=colours, title=None))
    )
    title = f"A stall, met by a reader of {speed} tokens/s: the red area is the wait"
    (shade + drawn).properties(width=560, height=300, title=title).configure_legend(
        orient="bottom", labelLimit=260
    ).save(PICTURE)


def main() -> None:
    """Write every page; the picture too, if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", action="store_true", help="draw the picture anew")
    arguments = parser.parse_args()
    for path, text in pages().items():
        path.write_text(text, "utf-8")
    if arguments.picture:
        picture()


if __name__ == "__main__":
    main()
