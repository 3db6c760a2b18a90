"""The commit: side tables first, then one transaction on requests that everything hangs on."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
    Transaction,
)

from sgengine.errors import DataError
from sgengine.schema import NIGHTS
from sgengine.store.columns import missing_fields, plain_schema
from sgengine.store.guard import APP, META, first_line, open_table
from sgengine.store.layout import COMMIT_POINT, SIDES, STORE_TABLES, StoreTable
from sgengine.store.night import Commit, Committed, Night, NightConflict, NightFacts, Ticket
from sgengine.store.place import Folder
from sgengine.store.seal import seal
from sgengine.store.snapshot import DataFile, Snapshot, load, unit_of
from sgengine.store.staging import Staging
from sgengine.store.steps import step
from sgengine.store.writers import Staged

_ATTEMPTS = 40
_LONGEST_WAIT_S = 2.0
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
