"""Keeping the memory of one picture for the next."""

import ctypes
import os
from functools import cache

KEPT = 64 << 20  # bytes; a sample of a few frames of 1024x2048 takes about half of it

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt, from malloc.h
_LARGEST_THRESHOLD = 32 << 20  # of glibc on 64 bits
_SETTINGS = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'GLIBC_TUNABLES')


@cache
def keep_freed_memory() -> bool:
    """Let this process keep up to ``KEPT`` bytes that it has freed, where its C library is glibc.

    glibc hands memory of this size back to the system with every picture that is let go, and the system clears each
    page anew for the next one: a tenth of the time of reading frames of 1024x2048. Processes that are forked afterwards
    do the same. Whoever has set one of glibc's own variables (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``,
    ``GLIBC_TUNABLES``) is left alone.

    Returns:
        Whether it is so now; a second call does nothing.
    """
    if any(name in os.environ for name in _SETTINGS) or os.name != 'posix':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)  # no other C library has it
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_THRESHOLD) and mallopt(_TRIM_THRESHOLD, KEPT))
