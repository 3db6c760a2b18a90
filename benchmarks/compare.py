"""Two result files side by side: ``python -m benchmarks.compare old.json new.json``.

A change within the noise band is not called one: shared machines vary by a third from run to run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

NOISE = 0.3


def compared(old: dict[str, Any], new: dict[str, Any], noise: float = NOISE) -> list[str]:
    """Markdown rows of the cases that both have: time new / old, and what that means."""
    before = {row["name"]: row["median_s"] for row in old["cases"]}
    lines = ["| what | old | new | new / old | |", "| --- | --- | --- | --- | --- |"]
    for row in new["cases"]:
        if row["name"] not in before:
            continue
        then, now = before[row["name"]], row["median_s"]
        ratio = now / then
        verdict = "slower" if ratio > 1 + noise else "faster" if ratio < 1 / (1 + noise) else "same"
        lines.append(
            f"| {row['name']} | {then * 1e3:.1f} ms | {now * 1e3:.1f} ms | {ratio:.2f} | {verdict} |"
        )
    return lines


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--noise", type=float, default=NOISE)
    arguments = parser.parse_args()
    read = (json.loads(path.read_text("utf-8")) for path in (arguments.old, arguments.new))
    print("\n".join(compared(*read, noise=arguments.noise)))


if __name__ == "__main__":
    main()
