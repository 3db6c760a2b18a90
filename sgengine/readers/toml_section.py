"""A table of a TOML file, from which keys are taken until none is left; errors name file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Self

from sgengine.errors import UsageError
from sgengine.readers.faults import one_line


def read_toml(path: str, what: str) -> tuple[dict[str, Any], str]:
    """The top table of a file and its text; UsageError, saying ``what`` it is, if it is no TOML."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{what} {path} cannot be read: {one_line(error)}") from error
    return parse_toml(text, path, what), text


def parse_toml(text: str, path: str, what: str) -> dict[str, Any]:
    """The top table of a text; ``path`` is named in errors."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{what} {path} is no TOML: {one_line(error)}") from error


def shown(value: object) -> str:
    """A value as errors show it."""
    return one_line(repr(value), 60)


class Section:
    """One table. ``where`` begins every error, ``name`` is the table's own key, "" for the top one.

    Each method takes a key; None means that it is not there. What is there and not allowed raises
    UsageError; so does ``done`` for a key that nobody took.
    """

    def __init__(self, where: str, name: str, given: dict[str, Any]) -> None:
        self.where = where
        self.name = name
        self._left = dict(given)
        self._known: list[str] = []

    def key(self, name: str) -> str:
        """A key of this table as it is spelled from the top."""
        return f"{self.name}.{name}" if self.name else name

    def fail(self, message: str) -> UsageError:
        """The error that says ``message``."""
        return UsageError(f"{self.where} {message}")

    def wrong(self, name: str, value: object, allowed: str) -> UsageError:
        """The error of a key whose value is not allowed."""
        return self.fail(f"{self.key(name)} is {shown(value)}; allowed is {allowed}")

    def take(self, name: str) -> Any:
        """Any value."""
        self._known.append(name)
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A text that is not empty."""
        value = self.take(name)
        if value is None or (isinstance(value, str) and value):
            return value
        raise self.wrong(name, value, "a text")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """One of some texts."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise self.fail(f"{self.key(name)} is {value!r}; allowed are {', '.join(allowed)}")
        return value

    def table(self, name: str) -> Self | None:
        """A table."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, value, "a table")
        return type(self)(self.where, self.key(name), value)

    def tables(self, name: str) -> list[Self]:
        """Tables ``[[name]]``, each named with its place from 1."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(name, value, f"tables [[{self.key(name)}]]")
        key = self.key(name)
        return [type(self)(self.where, f"{key}[{i}]", item) for i, item in enumerate(value, 1)]

    def rest(self) -> dict[str, Any]:
        """All keys that are left."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Refuse keys that nobody took."""
        if self._left:
            raise self.fail(
                f"{self.key(next(iter(self._left)))} is unknown; allowed are "
                f"{', '.join(self.key(name) for name in self._known)}"
            )
