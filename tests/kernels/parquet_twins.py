"""Parquet's packed numbers as its specification says them, bit by bit: writers and readers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

WRAP = 1 << 64


def varint(number: int) -> bytes:
    number %= WRAP
    out = bytearray()
    while number >= 128:
        out.append(128 | number & 127)
        number >>= 7
    return bytes([*out, number])


def zigzag(number: int) -> bytes:
    return varint(2 * number if number >= 0 else -2 * number - 1)


def packed(numbers: Sequence[int], width: int) -> bytes:
    """The lowest bit of the first number first."""
    bits = [number >> k & 1 for number in numbers for k in range(width)]
    bits += [0] * (-len(bits) % 8)
    groups = (bits[k : k + 8] for k in range(0, len(bits), 8))
    return bytes(sum(bit << k for k, bit in enumerate(group)) for group in groups)


def signed(number: int) -> int:
    number %= WRAP
    return number - WRAP if number >= WRAP // 2 else number


def delta(numbers: Sequence[int], minis: int = 4, size: int = 32, wider: int = 0) -> bytes:
    """DELTA_BINARY_PACKED; miniblocks are ``wider`` by so many bits than they have to be."""
    first = numbers[0] if numbers else 0
    out = varint(minis * size) + varint(minis) + varint(len(numbers)) + zigzag(first)
    steps = [signed(b - a) for a, b in pairwise(numbers)]
    for at in range(0, len(steps), minis * size):
        block = steps[at : at + minis * size]
        least = min(block)
        over = [(step - least) % WRAP for step in block]
        parts = [over[k : k + size] for k in range(0, len(over), size)]
        widths = [min(64, max(part).bit_length() + wider) for part in parts]
        out += zigzag(least) + bytes(widths) + bytes(minis - len(widths))
        for part, width in zip(parts, widths, strict=True):
            out += packed([*part, *[0] * (size - len(part))], width)
    return out


def runs(parts: Sequence[tuple[bool, Sequence[int]]], width: int) -> bytes:
    """The hybrid: of each part whether it is packed, eight by eight, or one number so many times."""
    out = b""
    for is_packed, numbers in parts:
        if is_packed:
            padded = [*numbers, *[0] * (-len(numbers) % 8)]
            out += varint(len(padded) // 8 << 1 | 1) + packed(padded, width)
        else:
            out += varint(len(numbers) << 1) + numbers[0].to_bytes((width + 7) // 8, "little")
    return out


class Structure:
    """Thrift's compact protocol: fields by id, of whole numbers, texts, booleans, lists, structures."""

    def __init__(self, **fields: object) -> None:
        self.fields = {int(name[1:]): value for name, value in fields.items()}

    def stored(self) -> bytes:
        out, before = b"", 0
        for field, value in sorted(self.fields.items()):
            kind = (2 - value) if isinstance(value, bool) else _kind(value)
            step = field - before
            out += bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + zigzag(field)
            out += b"" if isinstance(value, bool) else _stored(value)
            before = field
        return out + b"\0"

    def numbers(self, path: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], int]]:
        """All numbers in order, by the ids that lead to them."""
        found: list[tuple[tuple[int, ...], int]] = []
        for field, value in sorted(self.fields.items()):
            found += _numbers(value, (*path, field))
        return found


def _kind(value: object) -> int:
    kinds = {int: 6, bytes: 8, float: 7, list: 9, Structure: 12, bool: 1}
    return kinds[type(value)]


def _stored(value: object) -> bytes:
    match value:
        case bool():
            return bytes([2 - value])
        case int():
            return zigzag(value)
        case bytes():
            return varint(len(value)) + value
        case float():
            return bytes(8)
        case list():
            kind = _kind(value[0]) if value else 6
            size = len(value)
            head = (
                bytes([size << 4 | kind]) if size < 15 else bytes([15 << 4 | kind]) + varint(size)
            )
            return head + b"".join(map(_stored, value))
        case Structure():
            return value.stored()
    raise AssertionError(value)


def _numbers(value: object, path: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    match value:
        case int():
            return [(path, int(value))]
        case bytes():
            return [(path, len(value))]
        case float():
            return [(path, 0)]
        case list():
            return [found for item in value for found in _numbers(item, path)]
        case Structure():
            return [(path, 0), *value.numbers(path)]
    raise AssertionError(value)
