"""What goes wrong, in one line on stderr and an exit code; never a traceback."""

from __future__ import annotations

import os
import sys
import traceback

import click

from sgengine.errors import SgengineError

DEBUG = "SGENGINE_DEBUG"
"""Set to 1, this variable of the environment shows tracebacks."""

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

BROKEN_PIPE = 141
"""128 + SIGPIPE: whoever read the output has gone, which is no error of anyone."""


def say(text: str) -> None:
    """Print one line for people on stderr, whatever characters ``text`` holds."""
    click.echo(f"sgengine: {one_line(text)}", err=True)


def one_line(text: str) -> str:
    """``text`` in one line: runs of blanks become one, and control characters visible."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def tell(error: BaseException) -> int:
    """Say what happened and return the exit code."""
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error)
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt) and sys.stderr.isatty():
        click.echo(err=True)  # behind the ^C that the terminal shows
    text, code = explained(error)
    say(text)
    return code


def explained(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, SgengineError):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _misused(error), error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", INTERRUPTED
    if isinstance(error, MemoryError):
        return "out of memory: give --memory less, or --on threads:1", 1
    if isinstance(error, OSError):
        return _of_system(error), 1
    kind = type(error).__name__
    return f"a bug, please report it: {kind}: {error} ({DEBUG}=1 shows where)", 1


def _misused(error: click.ClickException) -> str:
    """What click says, and where to read more."""
    said = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{said} See '{context.command_path} --help'." if context else said


def _of_system(error: OSError) -> str:
    """As the system says it, with the file it is about."""
    said = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {said}" if error.filename is not None else said
