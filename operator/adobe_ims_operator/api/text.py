"""Words that others wrote: fit to be shown, and kept once where thousands of objects have them."""

from functools import lru_cache

LONGEST = 64
"""Characters; longer ones are rarely the same, and many of them would be much memory."""


def share(word: str) -> str:
    """The same word, as the object that others have too.

    What sys.intern has seen stays forever in Python 3.12 (python/cpython#113993); here the oldest go.
    """
    return _shared(word) if len(word) <= LONGEST else word


@lru_cache(maxsize=4096)
def _shared(word: str) -> str:
    return word


def printable(text: str) -> str:
    """The text with a space for each character that could end its line, move the cursor or turn the text around."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
