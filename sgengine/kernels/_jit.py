"""The one door to Numba: a typed decorator, and a cache on disk that works everywhere.

Every kernel is single-threaded and releases the GIL; the executor owns parallelism.

Compiled code is kept in the first place that can be written: ``NUMBA_CACHE_DIR`` if set, beside the
source, the user's cache directory, the temporary directory. Where nothing can be written, every process
compiles for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

from sgengine.kernels._cache import KernelCache, cache_folder

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS = {"nogil": True, "error_model": "numpy"}
_UNCOUNTED = {**_OPTIONS, "_nrt": False}
"""Without Numba's counts of references to arrays, so nothing can be allocated. Counting took half of the
simulator's time: its helpers pass ten arrays about, and not every pair of counts is found and removed."""

CACHE_FOLDER = cache_folder()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on first use, or load it from the cache. Never ``fastmath``: results are exact."""
    return _cached(function, _OPTIONS)


def uncounted(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel that allocates nothing and counts no references; what it calls is ``merged`` or ``part``."""
    return _cached(function, _UNCOUNTED)


def _cached(function: Callable[P, R], options: dict[str, Any]) -> Callable[P, R]:
    found: Any = numba.njit(function, **options)
    if CACHE_FOLDER is not None and not numba.config.DISABLE_JIT:
        found._cache = KernelCache(function, CACHE_FOLDER)
    return cast("Callable[P, R]", found)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A helper for other kernels, compiled into each of them; LLVM alone would call the larger ones."""
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, **_OPTIONS))


def merged(function: Callable[P, R]) -> Callable[P, R]:
    """A helper of an uncounted kernel, merged into every caller; as a call it takes a fifth longer."""
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, **_UNCOUNTED))


def part(function: Callable[P, R]) -> Callable[P, R]:
    """A merged helper that Python cannot call: with ten arrays, compiling how it would takes longest."""
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, **wrappers, **_UNCOUNTED))
