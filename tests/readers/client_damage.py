"""Damages JSON files of clients in every way: only errors for the user may come, and no row is lost."""

from __future__ import annotations

import copy
import json
import random

from sgengine.compute import MeasureSettings, compute
from tests.effort import fuzzed
from tests.readers.test_bad_input import counted, survive

ODD_VALUES = (
    None,
    True,
    0,
    -1,
    1e300,
    2**70,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    [[]],
    {"a": 1},
)


def check_all(path, values, rows_of, rounds, seed=7):
    """Cut, flip, remove and retype a file of these JSON values, a line each, ``rounds`` times each.

    ``rows_of`` says how many rows such values hold. What is read is measured as well.
    """
    chance = random.Random(seed)
    whole = text_of(values)
    for _ in range(fuzzed(rounds)):
        check(path, whole[: chance.randrange(len(whole))], rows_of)
        check(path, flipped(whole, chance), rows_of)
        check(path, text_of(removed(values, chance)), rows_of)
        check(path, text_of(retyped(values, chance)), rows_of)


def check(path, data, rows_of):
    got = survive(path, data)
    if got is None:
        return
    for batch in got.batches:
        measured = compute(batch.deliveries, MeasureSettings())
        assert measured.requests.num_rows + len(measured.breaches) == batch.deliveries.num_rows
    values = parsed(data)
    if values is not None:
        assert counted(got) == rows_of(values), data


def text_of(values):
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


def parsed(data):
    """The JSON values of the lines; ``None`` where Python does not read them."""
    try:
        return [json.loads(line) for line in data.split(b"\n") if line.strip()]
    except ValueError:
        return None


def flipped(data, chance):
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        damaged[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(damaged)


def removed(values, chance):
    values = copy.deepcopy(values)
    holder, key = chosen(values, chance)
    if holder is not values:
        del holder[key]
    return values


def retyped(values, chance):
    values = copy.deepcopy(values)
    holder, key = chosen(values, chance)
    holder[key] = chance.choice(ODD_VALUES)
    return values


def chosen(values, chance):
    """A place in the tree: where there is a level below, it is mostly further down."""
    holder, key = values, chance.randrange(len(values))
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
        holder = holder[key]
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    return holder, key
