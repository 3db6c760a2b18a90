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

CACHE_FOLDER = cache_folder()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on first use, or load it from the cache. Never ``fastmath``: results are exact."""
    found: Any = numba.njit(function, **_OPTIONS)
    if CACHE_FOLDER is not None and not numba.config.DISABLE_JIT:
        found._cache = KernelCache(function, CACHE_FOLDER)
    return cast("Callable[P, R]", found)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A helper for other kernels, compiled into each of them; LLVM alone would call the larger ones."""
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, **_OPTIONS))


def merged(function: Callable[P, R]) -> Callable[P, R]:
    """A helper of many arrays, merged into every caller: a call would count the references of each.

    In the simulator's loop over the requests of a batch that took 300 ns a token instead of 20.
    """
    return cast("Callable[P, R]", numba.njit(function, forceinline=True, **_OPTIONS))
