"""click's commands made to fit: clauses as words, options under headings, errors in one line."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from sgengine.cli.failures import tell
from sgengine.cli.words import joined, with_share


class Option(click.Option):
    """An option that ``--help`` lists under ``heading``."""

    def __init__(self, *names: Any, heading: str = "Other", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.heading = heading


def option(heading: str, *names: str, **settings: Any) -> Callable[[Any], Any]:
    """A decorator that gives a verb an option under ``heading``."""
    return click.option(*names, cls=Option, heading=heading, **settings)


class _WithExamples(click.Command):
    """A command whose ``--help`` shows lines to copy, and its options under headings."""

    def __init__(self, *names: Any, examples: tuple[str, ...] = (), **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description, then the examples as they are, never wrapped."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in self.examples))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List options by heading, in the order in which headings first appear."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record is not None:
                headings.setdefault(getattr(option, "heading", "Other"), []).append(record)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class Verb(_WithExamples):
    """A verb whose ``--goodput`` takes several words, and ``--steady`` one or none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the words that belong together before click splits the line."""
        return super().parse_args(ctx, with_share(joined(args)))


class Verbs(_WithExamples, click.Group):
    """The group of verbs. A verb returns its exit code; whatever goes wrong is one line on stderr."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a verb and exit; see ``failures`` for the codes."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except (click.ClickException, click.Abort) as error:
            code = tell(error)
        except OSError as error:
            # Of --help and --version, which are printed before a verb is invoked.
            drop_output()
            code = tell(error)
        sys.exit(code or 0)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List options, then verbs."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> int:
        """Run the verb and see its output off."""
        try:
            code: int = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the last stop, which tells
            drop_output()
            return tell(error)
        return code


def open_streams() -> None:
    """Put nowhere in the place of standard streams that the caller closed, which are None in Python.

    Left closed, their numbers would go to the next files opened, and what libraries print into these.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)


def drop_output() -> None:
    """Forget what stdout could not take, so that nothing tries again while Python ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the process as Ctrl-C does: with temporary files removed.

    The first of them counts; while it is seen to, which takes less than a batch, the others wait in
    vain, lest they break off the removal. What the caller has the process ignore stays ignored.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
