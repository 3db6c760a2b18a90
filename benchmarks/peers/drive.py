"""Times one client's metric code: ``python drive.py CLIENT REQUESTS.json REPEATS``.

REQUESTS.json: a list of requests, each ``id``, ``arrival_ns``, ``times_ns`` (since arrival, a chunk a
token) and ``input_tokens``. Prints one line of JSON: ``figures`` by name (times in ms), ``seconds`` of
the calculation alone (the client's request objects are built before) and ``peak_mib`` of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Build, calculate, print."""
    client, path, repeats = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parent))
    requests = json.loads(Path(path).read_text("utf-8"))
    prepare = import_module(f"by_{client}").prepare
    seconds = []
    for _ in range(int(repeats)):
        calculate = prepare(requests)
        start = time.perf_counter()
        figures = calculate()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"figures": figures, "seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
