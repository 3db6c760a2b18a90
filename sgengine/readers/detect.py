"""Which format a file has, told by its content and never by its name.

Binary files by their first bytes; JSON by the keys of its first readable line, and where no line
can be read (one object over many lines, a first line of many megabytes, a cut file) by looking for
the keys' bytes. Such a look cannot be fooled by texts inside the JSON: there a quote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sgengine.errors import DataError, FormatError
from sgengine.readers import deliveries, events, ipc, ipc_sizes, parquet
from sgengine.readers.faults import one_line, reading
from sgengine.readers.files import BOM, head
from sgengine.readers.formats import FORMAT_NAMES
from sgengine.readers.signatures import ONLY_WITH, all_keys, recognise
from sgengine.readers.workload_traces import csv_format

_LONGEST = 64
_QUOTED_WORD = re.compile(rb'"([\w.-]{1,%d}+)"' % _LONGEST)
"""Longer ones are no keys, and could be as long as the file."""

HEAD = 2**20
_PART = 2**22
LINES = 32

_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"PK\x03\x04", "zip"),
)
_TABLES = (
    (b"PAR1", "deliveries-parquet", parquet.names_of),
    (ipc_sizes.FILE_MAGIC, "deliveries-ipc", ipc.names_of),
    (b"\xff\xff\xff\xff", "deliveries-ipc", ipc.names_of),
)

ALLOWED = f"allowed are files of the formats {', '.join(FORMAT_NAMES)}"


def detect(path: str) -> str:
    """The name of the file's format.

    Raises ``DataError`` for an empty or unreadable file, ``FormatError`` for one that is no trace.
    """
    start = beginning(path)
    for magic, packing in _PACKED:
        if start.startswith(magic):
            raise FormatError(f"{path} is compressed ({packing}); decompress it first")
    for magic, name, names_of in _TABLES:
        if start.startswith(magic):
            with reading(path, name):
                names = names_of(path)
                if events.is_log(names):
                    return name.replace("deliveries", "events")
                deliveries.check_columns(path, names)
            return name
    return csv_format(start) or _detect_json(path, start.removeprefix(BOM))


def beginning(path: str) -> bytes:
    """The head of the file. Raises ``DataError`` if the file is empty, blank or unreadable."""
    try:
        start = head(path, HEAD)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {one_line(error)}") from error
    if not start.removeprefix(BOM).strip() and len(start) < HEAD:
        raise DataError(f"{path} is empty; a trace has at least one request")
    return start


def _detect_json(path: str, start: bytes) -> str:
    first = start.lstrip()[:1]
    # A damaged first line does not hide the lines after it.
    keys = _line_keys(start) if b"{" in start else None
    if keys is not None and events.is_log(keys):
        return "events-jsonl"
    if keys is None and first in (b"{", b"["):
        keys = _scanned_keys(path)
    if keys is None:
        raise FormatError(
            f"{path} is not a trace: it is neither Parquet, Arrow nor JSON; {ALLOWED}"
        )
    return _by_keys(path, keys)


def _line_keys(start: bytes) -> frozenset[str] | None:
    """The keys of the first of the leading lines that is a JSON object; ``None``: there is none."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    lines = start.split(b"\n", LINES)
    for line in lines[:LINES]:
        try:
            return frozenset(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
    return None


def _scanned_keys(path: str) -> frozenset[str]:
    """Those of the known keys whose quoted bytes occur anywhere in the file, which is gone over once."""
    known = {key.encode() for key in all_keys()}
    words = (match[1] for part in _parts(path) for match in _QUOTED_WORD.finditer(part))
    found = {word.decode() for word in words if word in known}
    return frozenset(key for key in found if ONLY_WITH.get(key, key) in found)


def _occurs(path: str, key: str) -> bool:
    return any(f'"{key}"'.encode() in part for part in _parts(path))


def _parts(path: str) -> Iterator[bytes]:
    """The file bit by bit, each with as much of the one before it as a quoted key may take.

    It may be larger than the memory, and is refused only when its format is known.
    """
    before = b""
    with Path(path).open("rb") as file:
        while part := file.read(_PART):
            yield before + part
            before = (before + part)[-_LONGEST - 2 :]


def _by_keys(path: str, keys: frozenset[str]) -> str:
    signature = recognise(keys, lambda key: _occurs(path, key))
    if signature is None:
        shown = one_line(", ".join(sorted(keys)) or "none", 120)
        raise FormatError(f"{path} is not a trace: JSON with such keys as {shown}; {ALLOWED}")
    if signature.format is None:
        raise FormatError(f"{path} {signature.hint}")
    if signature.format == "deliveries-jsonl":
        deliveries.check_columns(path, sorted(keys))
    return signature.format
