"""The memory allocator of a process that works with torch: glibc keeps freed memory instead of giving it back at once.

A network frees its activations after every layer and asks for as many again. By default glibc returns blocks above 32 MiB at the
latest, and often smaller ones, to the system, which fills every page with zeros again. Results do not depend on it.
"""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_KEPT = 32 << 20  # bytes: blocks above have pages of their own; the most that glibc accepts
MOST_KEPT = 1 << 30  # bytes that may lie free at the top before they are given back


def keep_freed() -> bool:
    """Let glibc keep freed memory for the rest of this process, and say whether it does.

    Nothing is changed without glibc, or where the user has set the allocator by MALLOC_... or GLIBC_TUNABLES. It is for commands,
    which own their process; importing the package never calls it.
    """
    if sys.platform != "linux" or _chosen_by_user():
        return False
    try:
        libc = ctypes.CDLL(None)
        _ = libc.gnu_get_libc_version  # other C libraries have no such function
        return bool(libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT) and libc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT))
    except (OSError, AttributeError):
        return False


def _chosen_by_user() -> bool:
    tuned = "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", "")
    return tuned or any(name.startswith("MALLOC_") for name in os.environ)
