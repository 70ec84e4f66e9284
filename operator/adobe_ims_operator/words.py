"""Keeps a word once that thousands of objects have."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def share(word: str) -> str:
    """The same word, as the object that others have too.

    Unlike sys.intern it forgets, which that never does in Python 3.12 (python/cpython#113993).
    """
    return word
