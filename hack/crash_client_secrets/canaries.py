"""No client secret and no token is in anything that people read: by what all of them begin with, and one by one."""

from collections.abc import Iterable, Iterator

_MARKS = ("p8e-", "cDhlL", "eyJ")
"""How client secrets begin, in the clear and as a Secret holds them, and how tokens begin."""


def found(texts: Iterable[tuple[str, str]], private: Iterable[str]) -> Iterator[str]:
    """Where one of them is, in words that do not repeat it."""
    values = list(private)
    for where, text in texts:
        if not text:
            yield f"{where}: there is nothing to look at"
        marked = [mark for mark in _MARKS if mark in text]
        if marked:
            yield f"{where}: something that begins like a client secret or a token ({', '.join(marked)})"
        # In the log by the marks alone: thousands of tokens in hundreds of megabytes take too long.
        if where != "the log" and any(value in text for value in values):
            yield f"{where}: a client secret or a token"
