"""``python -m sgengine.sample FOLDER`` writes the sample traces into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from sgengine.sample.sample import write_sample


def main(arguments: list[str]) -> int:
    """Write the sample into the one folder given; return the exit code."""
    if len(arguments) != 1:
        print("usage: python -m sgengine.sample FOLDER", file=sys.stderr)
        return 2
    for path in write_sample(Path(arguments[0])):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
