"""Turns of what is done one at a time for all namespaces: the next is who took the least of the time.

Who works for others as well, as a worker does, waits for no turn in its place: its work is put off, and begun again
when its namespace is called. So however many want a turn, they hold none of the places that others need. All others
wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass

from adobe_ims_operator.core.fair_share import FairShare
from adobe_ims_operator.kube.errors import PutOffError
from adobe_ims_operator.kube.paths import namespace_of

CALL_SECONDS = 1.0
"""After which another one is called where the one that was called did not come: it may want no turn by now."""
FOR_ALL = ""
"""In place of a namespace, for lists: those who wait for these are all."""
OF_ALL = 1 / 10
"""How much of the time that lists take counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One piece of work that holds what others wait for, such as a worker.

    Args:
        namespace: whose work it is; what it reads may be another's.
        key: what the work is for.
        begin_again: is called once after the work was put off, when it may go on.
    """

    namespace: str
    key: Hashable
    begin_again: Callable[[], None]


PLACE: ContextVar[Place | None] = ContextVar("PLACE", default=None)
"""That of the running task; None where it may wait as long as it likes."""


class FairTurns:
    """Whose turn it is.

    Args:
        counter: seconds that never go back.
    """

    def __init__(self, counter: Callable[[], float]) -> None:
        self._counter = counter
        self._share = FairShare()
        self._served: tuple[str, float] | None = None
        """The namespace that was called or has its turn, and since when."""
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_taken = False
        self._latest: Place | None = None
        self._put_off: dict[str, dict[Hashable, Place]] = {}
        self._called: set[Hashable] = set()
        self._next_call: asyncio.TimerHandle | None = None

    async def take(self, path: str) -> None:
        """Begin a turn, which `release_after` ends.

        Args:
            path: what it is for; who has a place takes it for the namespace of that.

        Raises:
            PutOffError: the work that wants it is put off.
        """
        place = PLACE.get()
        self.admit()
        if place is not None:
            self._called.discard(place.key)
        await self.take_for(namespace_of(path) if place is None else place.namespace)

    def ended(self, place: Place) -> None:
        """Work ended: where it was called and took no turn, it wanted none, and the next one is called."""
        if place.key in self._called:
            self._called.discard(place.key)
            self._call()

    def admit(self) -> None:
        """Let one at a time wait in its place, and only the called where some were put off.

        Work that had the latest turn goes on: it may need several to come to an end, as it is begun again otherwise.

        Raises:
            PutOffError: the work is put off.
        """
        place = PLACE.get()
        if place is None or place is self._latest:
            return
        if not self._waiting and (not self._put_off or place.key in self._called):
            return
        self._put_off.setdefault(place.namespace, {})[place.key] = place
        raise PutOffError

    async def take_for(self, namespace: str) -> None:
        """Begin a turn of a namespace, after those before it."""
        if self._is_taken:
            await self._wait(namespace)
        else:
            if self._served is not None and self._served[0] != namespace:
                self._count()
            self._served = namespace, self._counter()
        self._is_taken = True
        self._latest = PLACE.get() or self._latest

    async def _wait(self, namespace: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release()
            raise

    def release_after(self, seconds: float) -> None:
        """Let the next one in after a pause, so that all of them together take no more than a share of the time."""
        asyncio.get_running_loop().call_later(seconds, self._release)

    def _release(self) -> None:
        self._count()
        while self._waiting:
            namespace = self._share.serve_first(self._waiting, self._put_off)
            turns = self._waiting.pop(namespace)
            turn = turns.popleft()
            if turns:
                self._waiting[namespace] = turns  # behind its equals
            if not turn.done():
                self._served = namespace, self._counter()
                turn.set_result(None)
                return
        self._is_taken = False
        self._call()

    def _count(self) -> None:
        """Count the time of the one that was served, or that did not come in time when it was called."""
        if self._served is not None:
            namespace, since = self._served
            self._share.took(namespace, (self._counter() - since) * (OF_ALL if namespace == FOR_ALL else 1))
            self._served = None

    def _call(self) -> None:
        """Call one of those that were put off; the next one after its turn, or where it does not come for that."""
        if self._next_call is not None:
            self._next_call.cancel()
            self._next_call = None
        if self._is_taken:
            return
        self._count()
        if not self._put_off:
            self._called.clear()
            self._share.forget()
            return
        namespace = self._share.serve_first(self._put_off)
        self._served = namespace, self._counter()
        places = self._put_off.pop(namespace)
        place = places.pop(next(iter(places)))
        if places:
            self._put_off[namespace] = places  # behind its equals
        self._called.add(place.key)
        self._next_call = asyncio.get_running_loop().call_later(CALL_SECONDS, self._call)
        place.begin_again()
