"""Which kind of place a root names."""

from __future__ import annotations

import re
from os import PathLike, fspath
from pathlib import Path

from sgengine.errors import UsageError
from sgengine.store.layout import COMMIT_POINT, LOG, MARKER
from sgengine.store.place import Folder, Place

_S3 = "s3://"
_FIRST = f"{COMMIT_POINT.name}/{LOG}/{1:020d}.json"
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


def place_of(root: str) -> Place:
    """The place that ``root`` names; UsageError for one that cannot be opened."""
    if root.startswith(_S3):
        try:
            from sgengine.store.bucket import Bucket
        except ModuleNotFoundError as error:
            raise UsageError(
                f"'{root}' needs the package obstore: pip install 'sgengine[s3]'"
            ) from error
        return Bucket(root)
    place = Folder(root)
    if _ESCAPE.search(place.root):  # deltalake 1.6.6 decodes it, and opens another folder
        raise UsageError(
            f"'{place.root}' holds a percent sign before two digits: rename that folder"
        )
    return place


def is_store(path: str | PathLike[str]) -> bool:
    """Whether there is a store at ``path``, be it one with commits that lost its marker."""
    root = fspath(path)
    if root.startswith(_S3):
        place = place_of(root)
        return place.exists(MARKER) or place.exists(_FIRST)
    return Path(root, MARKER).is_file() or Path(root, _FIRST).is_file()
