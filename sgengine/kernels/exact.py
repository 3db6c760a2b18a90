"""Exact arithmetic beyond 64 bits: products of a time and a token index, and ratios rounded up."""

from __future__ import annotations

import math

import numpy as np

from sgengine.kernels._jit import merged

_LOW = (1 << 32) - 1
_EXACT_FLOAT = 1 << 53
_SPLIT = 134217729.0  # 2^27 + 1: Veltkamp's constant, splits a double in two halves of 26 bits


@merged
def product_exceeds(a: int, b: int, c: int, d: int) -> bool:
    """Whether a * b > c * d exactly, for 0 <= a, c < 2^63 and 0 <= b, d < 2^31.

    1e6 tokens over 2.6 hours already pass 2^63 in a plain product. A factor below 2^31 leaves room
    for the carry when the other is split at 32 bits.
    """
    low_ab = (a & _LOW) * b
    low_cd = (c & _LOW) * d
    high_ab = (a >> 32) * b + (low_ab >> 32)
    high_cd = (c >> 32) * d + (low_cd >> 32)
    if high_ab != high_cd:
        return high_ab > high_cd
    return (low_ab & _LOW) > (low_cd & _LOW)


@merged
def ratio_up(t: int, i: int) -> float:
    """The least float64 >= t / i, for 0 <= t < 2^63 and 1 <= i < 2^31."""
    if t < _EXACT_FLOAT:
        return _ratio_up_short(t, i)
    return _ratio_up_long(t, i)


@merged
def _ratio_up_short(t: int, i: int) -> float:
    """As ratio_up for t < 2^53, where t is a double: the nearest double, corrected by its exact error.

    Dekker's product gives q * i - t without rounding, which a rounded product would not.
    """
    q = t / i
    x = float(i)
    product = q * x
    scaled = q * _SPLIT
    q_high = scaled - (scaled - q)
    q_low = q - q_high
    scaled = x * _SPLIT
    x_high = scaled - (scaled - x)
    x_low = x - x_high
    error = ((q_high * x_high - product) + q_high * x_low + q_low * x_high) + q_low * x_low
    bits = np.float64(q).view(
        np.int64
    )  # the next double's are one more: half the time, so no branch
    return np.int64(bits + np.int64((product - t) + error < 0.0)).view(np.float64)


@merged
def _ratio_up_long(t: int, i: int) -> float:
    """As ratio_up by long division: 53 bits of the quotient, plus one if anything is left."""
    quotient = t // i
    rest = t - quotient * i
    bits = 0
    probe = quotient
    while probe > 0:
        probe >>= 1
        bits += 1
    if bits > 53:
        shift = bits - 53
        mantissa = quotient >> shift
        if rest > 0 or (mantissa << shift) != quotient:
            mantissa += 1
        return math.ldexp(float(mantissa), shift)
    mantissa = quotient
    for _ in range(53 - bits):
        rest *= 2
        mantissa *= 2
        if rest >= i:
            rest -= i
            mantissa += 1
    if rest > 0:
        mantissa += 1
    return math.ldexp(float(mantissa), bits - 53)
