"""The files of a store in a bucket, as DuckDB reads them without an extension: through Arrow.

By Arrow's own client of S3, in C++: Arrow starts a scan with the GIL held, and its threads, if they
open and read files by Python, wait for the GIL while the one that holds it waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from sgengine.views.bases import PARTITIONS

if TYPE_CHECKING:
    from sgengine.store import DataFile, Snapshot


def bucket_files(root: str) -> pafs.FileSystem:
    """The objects below ``root``, by their keys from there, as the store's own client reaches them."""
    from sgengine.store.places import place_of  # deltalake, which plain inputs do without

    options = place_of(root).options
    endpoint = options.get("AWS_ENDPOINT_URL")
    scheme, _, host = endpoint.partition("://") if endpoint else ("https", "", None)
    client = pafs.S3FileSystem(endpoint_override=host, scheme=scheme, region=options["AWS_REGION"])
    return pafs.SubTreeFileSystem(root.partition("://")[2], client)


def register_files(
    con: duckdb.DuckDBPyConnection,
    name: str,
    snapshot: Snapshot,
    files: Sequence[DataFile],
    where: pafs.FileSystem,
) -> None:
    """Make a relation ``name`` of files of one schema; a query reads the partitions and columns it needs."""
    folders = [
        pa.field(part, pa.date32() if part == "day" else pa.string())
        for part in PARTITIONS[: len(files[0].values)]
    ]
    kind = ds.ParquetFileFormat()
    fragments = [
        kind.make_fragment(
            file.path,
            where,
            partition_expression=reduce(and_, _partition(file)),
            file_size=file.size,  # known, and so not asked for
        )
        for file in files
    ]
    schema = pa.schema([*snapshot.schemas[files[0].schema_id], *folders])
    con.register(name, ds.FileSystemDataset(fragments, schema, kind, where))


def _partition(file: DataFile) -> Iterator[pc.Expression]:
    """What all rows of a file have in common, by which it is read or not."""
    for part, value in zip(PARTITIONS, file.values, strict=False):
        yield pc.field(part) == (date.fromisoformat(value) if part == "day" else value)
