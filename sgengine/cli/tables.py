"""Tables as text: aligned, plain characters, as wide as the terminal or as they need to be."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sgengine.cli.cells import UNDEFINED
from sgengine.cli.failures import one_line
from sgengine.cli.output import put

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 100_000
"""Columns of a page that is no terminal: nothing is cut or wrapped."""

NARROWEST = 40
_GAP = "  "


class Page:
    """Lines and tables collected as text, then written at once."""

    def __init__(self) -> None:
        from rich.console import Console

        is_terminal = sys.stdout.isatty()
        self._text = io.StringIO()
        self.shows_undefined = False
        self._console = Console(
            file=self._text,
            width=None if is_terminal else UNLIMITED,
            force_terminal=is_terminal,
            highlight=False,
            markup=False,
            emoji=False,
        )
        if is_terminal:
            self._console.width = max(self._console.width, NARROWEST)

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line, wrapped on a terminal."""
        self._console.print(one_line(text), style=style)

    def heading(self, text: str) -> None:
        """A line above a table, with an empty one before it."""
        self.line()
        self.line(text, "bold")

    def fits(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> bool:
        """Whether a table needs no more than the page's width."""
        lines = [column.title.splitlines() or [""] for column in columns]
        for row in rows:
            for i, cell in enumerate(row):
                lines[i].append(cell)
        widths = [max(map(len, cells)) for cells in lines]
        return sum(widths) + len(_GAP) * (len(widths) - 1) <= self._console.width

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """A table; a row of one cell is a heading within it."""
        made = _table(columns)
        for row in rows:
            self.shows_undefined |= UNDEFINED in map(str.strip, row)
            cells = [*map(_cell, row), *[""] * (len(columns) - len(row))]
            made.add_row(*cells, style="bold" if len(row) == 1 < len(columns) else None)
        self._console.print(made)

    def write(self) -> None:
        """Write the page to stdout, without blanks at the ends of lines."""
        put("".join(f"{line.rstrip()}\n" for line in self._text.getvalue().splitlines()))


class Column:
    """A column: its title, in lines, and whether its cells are numbers, which stand at the right."""

    def __init__(self, title: str, *, numbers: bool = True) -> None:
        self.title = title
        self.numbers = numbers


def texts(*titles: str) -> list[Column]:
    """Columns of texts."""
    return [Column(title, numbers=False) for title in titles]


def numbers(*titles: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(title) for title in titles]


def _cell(text: str) -> str:
    """One line, blanks at its beginning kept: they indent."""
    indent = len(text) - len(text.lstrip(" "))
    mark = " " if text.endswith(" ") and text.strip() else ""
    return " " * indent + one_line(text) + mark


def _table(columns: Sequence[Column]) -> Table:
    from rich.box import Box
    from rich.table import Table

    ruled = "    \n    \n -- \n    \n    \n    \n    \n    \n"
    table = Table(box=Box(ruled, ascii=True), show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    tallest = max(column.title.count("\n") for column in columns)
    for column in columns:
        table.add_column(
            "\n" * (tallest - column.title.count("\n")) + column.title,
            justify="right" if column.numbers else "left",
            overflow="fold",
            no_wrap=column.numbers,
        )
    return table
