"""Wakes the many that name one object: in slices and seldom, so a touch of it costs other tenants little."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from itertools import islice

from adobe_ims_operator.api.resource import Key

SLICE = 100
"""Credentials that are enqueued without giving the loop back."""
PERIOD = 1.0
EACH = 0.01
"""Seconds between two times at which a crowd is woken: this much for each, and at least `PERIOD`."""


class Crowds:
    """What more credentials name than can be woken at each change.

    Args:
        users: all that name it.
        enqueue: takes each of them, and after how many seconds it is to be looked at.
    """

    def __init__(self, users: Callable[[Key], Collection[Key]], enqueue: Callable[[Key, float], None]) -> None:
        self._users = users
        self._enqueue = enqueue
        self._waiting: set[Key] = set()
        self._again_at: dict[Key, float] = {}

    def wake(self, named: Key, after: float) -> None:
        """Wake all that name it, at once or when the time has come; it is woken once for many changes."""
        if named in self._waiting:
            return
        self._waiting.add(named)
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._again_at.get(named, 0.0)), self._wake, named, after)

    def _wake(self, named: Key, after: float) -> None:
        self._waiting.discard(named)
        users = self._users(named)
        loop = asyncio.get_running_loop()
        pause = max(PERIOD, EACH * len(users))
        again_at = self._again_at[named] = loop.time() + pause
        loop.call_at(again_at, self._forget, named, again_at)
        self._enqueue_slice(iter(users), after)

    def _forget(self, named: Key, again_at: float) -> None:
        if self._again_at.get(named) == again_at:
            del self._again_at[named]

    def _enqueue_slice(self, users: Iterator[Key], after: float) -> None:
        some = list(islice(users, SLICE))
        for user in some:
            self._enqueue(user, after)
        if some:
            asyncio.get_running_loop().call_soon(self._enqueue_slice, users, after)
