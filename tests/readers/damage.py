"""Files cut, flipped and with fields removed or of other types; and what reading them may do."""

from __future__ import annotations

import json
import random

from sgengine.errors import SgengineError
from tests.effort import fuzzed
from tests.readers import make

VALUES = (None, True, -1, 2**70, 1.5, 1e300, "", "x", [], [None], {}, {"a": 1}, "1e999", [1, "2"])


def survive(path, data, **options):
    """Read the bytes as a file; ``None`` if they are refused with an error of one line."""
    path.write_bytes(data)
    try:
        return make.read_back(path, **options)
    except SgengineError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 700
    return None


def counted(got):
    return len(got.rows) + sum(reject.count for reject in got.rejects)


def lines_in(data):
    return sum(bool(text.strip()) for text in data.split(b"\n"))


def cuts(data, rounds=120):
    """The data cut off at about ``rounds`` places."""
    return [data[:cut] for cut in range(0, len(data), max(1, len(data) // fuzzed(rounds)))]


def flips(data, rounds=120, seed=7):
    """The data with one to three bytes changed."""
    chance = random.Random(seed)
    for _ in range(fuzzed(rounds)):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        yield bytes(damaged)


def swaps(rows, rounds=200, seed=7):
    """JSON Lines of the rows with one value, at any depth, removed or replaced by another."""
    chance = random.Random(seed)
    for _ in range(fuzzed(rounds)):
        changed = json.loads(json.dumps(rows))
        _swap(chance, changed)
        yield b"".join(json.dumps(row).encode() + b"\n" for row in changed)


def _swap(chance, value):
    """Change something inside of a list or object."""
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = chance.choice(places)
    inner = value[place]
    if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
        _swap(chance, inner)
    elif isinstance(value, dict) and chance.random() < 0.4:
        del value[place]
    else:
        value[place] = chance.choice(VALUES)
