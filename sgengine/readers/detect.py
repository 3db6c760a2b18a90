"""Which format a file has, told by its content and never by its name.

Binary files by their first bytes; JSON by the keys of its first readable line, and where no line
can be read (one object over many lines, a first line of many megabytes, a cut file) by looking for
the keys' bytes. Such a look cannot be fooled by texts inside the JSON: there a quote is escaped.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from sgengine.errors import DataError, FormatError
from sgengine.readers import deliveries, ipc, parquet
from sgengine.readers.faults import one_line, reading
from sgengine.readers.files import BOM, head, mapped

HEAD = 2**20
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
    (ipc.FILE_MAGIC, "deliveries-ipc", ipc.names_of),
    (b"\xff\xff\xff\xff", "deliveries-ipc", ipc.names_of),
)

_VLLM = frozenset({"ttfts", "itls", "output_lens"})
_SGLANG = frozenset({"server_info", "total_output_tokens_retokenized", "sharegpt_output_len"})
_VLLM_SUMMARY = frozenset({"num_prompts", "request_throughput"})
_AIPERF = frozenset({"metadata", "metrics"})
_AIPERF_MARK = "x_request_id"
_AIPERF_RAW = frozenset({"metadata", "responses"})
_AIPERF_SUMMARY = (
    frozenset({"input_config", "records"}),
    frozenset({"input_config", "start_time"}),
)
_KNOWN = sorted(
    frozenset({*deliveries.NEEDED, _AIPERF_MARK}).union(
        _VLLM, _SGLANG, _VLLM_SUMMARY, _AIPERF, _AIPERF_RAW, *_AIPERF_SUMMARY
    )
)

ALLOWED = (
    "allowed are deliveries as Parquet, Arrow IPC or JSON Lines, vLLM `bench serve --save-result "
    "--save-detailed` JSON, and AIPerf profile_export.jsonl"
)


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
                deliveries.check_columns(path, names_of(path))
            return name
    return _detect_json(path, start.removeprefix(BOM))


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
    if first == b"[":
        raise FormatError(f"{path} is a JSON array; write one object a line (JSON Lines) instead")
    # A damaged first line does not hide the lines after it.
    keys = _line_keys(start) if b"{" in start else None
    if keys is None and first == b"{":
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
    """Those of the known keys whose quoted bytes occur anywhere in the file."""
    content = mapped(path)
    found = frozenset(key for key in _KNOWN if content.find(f'"{key}"'.encode()) >= 0)
    # Other clients have metrics and metadata too, somewhere inside.
    return found if _AIPERF_MARK in found else found - _AIPERF


def _by_keys(path: str, keys: Collection[str]) -> str:
    found = frozenset(keys)
    if found >= _AIPERF:
        return "aiperf"
    if found & _SGLANG:
        raise FormatError(f"{path} is SGLang bench_serving output, which is not read; {ALLOWED}")
    if found >= _VLLM:
        return "vllm"
    if found & set(deliveries.NEEDED):
        deliveries.check_columns(path, sorted(found))
        return "deliveries-jsonl"
    raise FormatError(_no_trace(path, found))


def _no_trace(path: str, keys: frozenset[str]) -> str:
    if keys >= _AIPERF_RAW:
        return f"{path} is AIPerf's raw export; give profile_export.jsonl beside it"
    if any(keys >= summary for summary in _AIPERF_SUMMARY):
        return (
            f"{path} is AIPerf's summary; give profile_export.jsonl beside it, which it completes"
        )
    if keys >= _VLLM_SUMMARY:
        return (
            f"{path} is a vLLM summary without the requests' times; run `vllm bench serve` again "
            "with --save-result --save-detailed"
        )
    shown = one_line(", ".join(sorted(keys)) or "none", 120)
    return f"{path} is not a trace: JSON with such keys as {shown}; {ALLOWED}"
