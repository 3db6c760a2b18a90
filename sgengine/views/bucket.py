"""The files of a store in a bucket, as DuckDB reads them without an extension: through Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from sgengine.views.bases import PARTITIONS

if TYPE_CHECKING:
    from sgengine.store import DataFile, Snapshot


def register_files(
    con: duckdb.DuckDBPyConnection, name: str, snapshot: Snapshot, files: Sequence[DataFile]
) -> None:
    """Make a relation ``name`` of files of one schema; a query reads the partitions and columns it needs."""
    from deltalake.fs import DeltaStorageHandler  # for buckets alone

    from sgengine.store.places import place_of

    handler = DeltaStorageHandler(snapshot.root, dict(place_of(snapshot.root).options))
    folders = [
        pa.field(part, pa.date32() if part == "day" else pa.string())
        for part in PARTITIONS[: len(files[0].values)]
    ]
    found = ds.dataset(
        [file.path for file in files],
        schema=pa.schema([*snapshot.schemas[files[0].schema_id], *folders]),
        format="parquet",
        filesystem=pafs.PyFileSystem(handler),
        partitioning=ds.partitioning(pa.schema(folders), flavor="hive"),
        partition_base_dir=files[0].path.partition("/")[0],
    )
    con.register(name, found)
