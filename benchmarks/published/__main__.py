"""Writes the generated blocks of docs/simulator.md, in seconds: ``python -m benchmarks.published``."""

from __future__ import annotations

from benchmarks.paper.page import DOCS, filled
from benchmarks.published.compare import every
from benchmarks.published.sources import ALONE, SERVING, THROUGHPUT
from benchmarks.published.tables import blocks

PAGE = DOCS / "simulator.md"


def main() -> None:
    """Simulate every published case and write the page."""
    found = blocks(*map(every, (THROUGHPUT, SERVING, ALONE)))
    PAGE.write_text(filled(PAGE.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()
