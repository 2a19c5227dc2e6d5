"""The threads of a process that decode pages while others work on what came before."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

_MAX_THREADS = 4


@lru_cache(maxsize=1)
def decoders() -> ThreadPoolExecutor:
    """Return the threads of this process."""
    threads = min(os.cpu_count() or 1, _MAX_THREADS)
    return ThreadPoolExecutor(threads, thread_name_prefix="decoder")


# Threads do not live on in a process that was forked.
os.register_at_fork(after_in_child=decoders.cache_clear)
