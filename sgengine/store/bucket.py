"""A store in an object store that speaks S3: what is put there is whole, durable and never changed.

Two writers are kept apart by the conditional put of a log entry (``If-None-Match: *``), which needs no
service for locks; a server without it is no place for a store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import obstore
import pyarrow as pa
from deltalake.fs import DeltaStorageHandler
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from sgengine.errors import DataError, UsageError
from sgengine.store.guard import first_line
from sgengine.store.place import Found

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import S3Config

_SCHEME = "s3://"
_REGION = "us-east-1"
"""Where the environment names none; servers of other makers ignore it."""

_PART_BYTES = 5 << 20
"""The smallest part of an upload that S3 takes: one waits in memory for each open file."""

_METADATA = "http://169.254.169.254/"
"""Where keys are asked for, of the machine in the cloud that this may be, if the environment has none."""

_PLAIN = re.compile(r"[A-Za-z0-9._/-]*")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_ENDPOINT = re.compile(r"https?://([\w.-]+|\[[0-9a-f:]+\])(:\d+)?(/[\w./-]*)?", re.ASCII)
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


class _Upload:
    """An upload as the file that pyarrow writes to: to close it is not to end the upload."""

    closed = False

    def __init__(self, writer: WritableFile) -> None:
        self._writer = writer

    def write(self, data: bytes) -> int:
        """Take more bytes; OSError for what the server refuses, as of any file."""
        try:
            return self._writer.write(data)
        except BaseError as error:
            raise OSError(first_line(error)) from error


class Bucket:
    """A store at ``s3://bucket/prefix``, reached as the usual AWS_ variables of the environment say."""

    def __init__(self, root: str) -> None:
        bucket, _, prefix = root.removeprefix(_SCHEME).rstrip("/").partition("/")
        if not bucket or not _PLAIN.fullmatch(prefix):  # others are spelled differently by readers
            raise UsageError(
                f"'{root}' is no place for a store: give s3://bucket/prefix, with a prefix of "
                "letters, digits, '.', '_', '-' and '/'"
            )
        self.root = f"{_SCHEME}{bucket}/{prefix}".rstrip("/")
        endpoint = _first_set(_ENDPOINTS)
        if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
            raise UsageError(
                f"the endpoint of '{root}' is '{endpoint}': let AWS_ENDPOINT_URL be http:// or https://, "
                "a host and a port, as in http://127.0.0.1:9000"
            )
        region = _first_set(_REGIONS) or _REGION
        is_plain = endpoint is not None and endpoint.startswith("http://")
        said = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": region,
            "AWS_ALLOW_HTTP": "true" if is_plain else None,
        }
        self.options: Mapping[str, str] = {k: v for k, v in said.items() if v is not None}
        where: S3Config = {"region": region}
        if endpoint is not None:
            where["endpoint"] = endpoint
        self._store = S3Store(
            bucket, prefix=prefix or None, config=where, client_options={"allow_http": is_plain}
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """DataError of one line for what the server refuses, but for a file that is not there."""
        try:
            yield
        except BaseError as error:
            raise DataError(f"{self.root}: {_reason(error)}") from error

    def uri(self, path: str) -> str:
        """What deltalake and readers open for ``path``."""
        return f"{self.root}/{path}"

    def names(self) -> set[str]:
        """The names of what is in the place."""
        with self._asking():
            listed = obstore.list_with_delimiter(self._store)
            paths = [*listed["common_prefixes"], *(found["path"] for found in listed["objects"])]
            return {path.rpartition("/")[2] for path in paths}

    def exists(self, path: str) -> bool:
        """Whether there is a file ``path``."""
        try:
            self.size(path)
        except FileNotFoundError:
            return False
        return True

    def size(self, path: str) -> int:
        """The bytes of a file."""
        with self._asking():
            return obstore.head(self._store, path)["size"]

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError if there is none."""
        with self._asking():
            return bytes(obstore.get(self._store, path).bytes())

    def open(self, path: str) -> pa.NativeFile:
        """A file to read from at any place; FileNotFoundError if there is none."""
        return DeltaStorageHandler(self.root, dict(self.options)).open_input_file(path)

    @contextmanager
    def new_file(self, path: str) -> Iterator[IO[bytes]]:
        """A file to write; it appears whole at the end, and not at all after an error."""
        with self._asking():
            writer = obstore.open_writer(self._store, path, buffer_size=_PART_BYTES)
            yield cast("IO[bytes]", _Upload(writer))
            writer.close()

    def sync_folders(self, paths: Iterable[str]) -> None:
        """Nothing to do: what is put is durable."""

    def sync_entry(self, table: str, version: int) -> None:
        """Nothing to do: what is put is durable."""

    def publish(self, path: str, content: bytes) -> None:
        """Put a file in place of what was there, at once."""
        with self._asking():
            obstore.put(self._store, path, content)

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone is no error."""
        with self._asking():
            obstore.delete(self._store, path)

    def walk(self, path: str) -> Iterator[Found]:
        """All files below ``path``, in no order."""
        with self._asking():
            for chunk in obstore.list(self._store, f"{path}/", chunk_size=1000):
                for found in chunk:
                    modified = found["last_modified"].timestamp()
                    yield Found(found["path"], found["size"], int(modified * 1e9), read_only=True)

    @contextmanager
    def lock(self, wait_s: float) -> Iterator[None]:
        """Nothing to hold: the commit alone keeps writers apart."""
        yield


def _reason(error: BaseError) -> str:
    """What the server or the client says, and what to do about keys that are wrong or not there."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return "access is denied: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
    said = first_line(error)
    if _METADATA in said:
        return "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return said


def _first_set(names: Iterable[str]) -> str | None:
    """The first of these variables of the environment that is set."""
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
