"""Wakes the many that name one object: in slices and seldom, so a touch of it costs other tenants little."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator
from itertools import islice

from adobe_ims_operator.api.resource import Key

SLICE = 100
"""Credentials that are enqueued without giving the loop back."""
PERIOD = 1.0
EACH = 0.01
"""Seconds between two times at which a crowd is woken: this much for each, and at least `PERIOD`. Before another one of
the same namespace and of like size is woken, it is this much for each: a few need not wait for a thousand. Where crowds
of several namespaces are woken, it takes so many times as long, up to `MOST_TIMES`: a look may end in a write."""
MOST_TIMES = 4

_Lane = tuple[str, int]
"""A namespace, and how many digits the number of those that are woken has."""


class Crowds:
    """What more credentials name than can be woken at each change.

    Args:
        users: all that name it; what is named is in the namespace of those who can change it.
        enqueue: takes each of them, and after how many seconds it is to be looked at.
        count: how many about name it.
    """

    def __init__(
        self,
        users: Callable[[Key], Collection[Key]],
        enqueue: Callable[[Key, float], None],
        count: Callable[[Key], int],
    ) -> None:
        self._users = users
        self._count = count
        self._enqueue = enqueue
        self._waiting: set[Key] = set()
        self._again_at: dict[Key, float] = {}
        self._due: dict[_Lane, deque[tuple[Key, float]]] = {}  # with each lane in which one was just woken

    def wake(self, named: Key, after: float) -> None:
        """Wake all that name it, at once or when the time has come; it is woken once for many changes."""
        if named in self._waiting:
            return
        self._waiting.add(named)
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._again_at.get(named, 0.0)), self._fall_due, named, after)

    def _fall_due(self, named: Key, after: float) -> None:
        lane = named.namespace, len(str(self._count(named)))
        if (due := self._due.get(lane)) is not None:
            due.append((named, after))
            return
        self._due[lane] = deque(((named, after),))
        self._wake_next(lane)

    def _wake_next(self, lane: _Lane) -> None:
        if not self._due[lane]:
            del self._due[lane]
            return
        named, after = self._due[lane].popleft()
        self._waiting.discard(named)
        users = self._users(named)
        loop = asyncio.get_running_loop()
        pause = EACH * len(users) * min(len(self._due), MOST_TIMES)
        again_at = self._again_at[named] = loop.time() + max(PERIOD, pause)
        loop.call_at(again_at, self._forget, named, again_at)
        loop.call_later(pause, self._wake_next, lane)
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
