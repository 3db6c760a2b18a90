"""What a user may be told: every error that sgengine raises on purpose.

::

    SgengineError
    ├── UsageError      the call is wrong: an unknown option value, a missing file (exit code 2)
    └── DataError       the input is wrong: not a trace, cut, contradicting itself (exit code 1)
        └── FormatError the file is not of the format it was taken for

A message says in one line what was given, where, what is allowed and what to do.
"""

from __future__ import annotations


class SgengineError(Exception):
    """Root of all errors meant for users; ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(SgengineError, ValueError):
    """The call itself is wrong: an unknown name, a value out of range, a path that does not exist."""

    exit_code = 2


class DataError(SgengineError):
    """The input cannot be measured: not a trace, truncated, or contradicting itself."""


class FormatError(DataError):
    """A source is not of the format it was taken for, or is damaged beyond reading."""
