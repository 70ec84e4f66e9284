"""How often an endpoint may be asked or probed: at the configured rate, or more slowly while it throttles many."""

import asyncio
import math
from collections import deque
from collections.abc import Callable

from adobe_ims_operator.core.fair_share import FairShare

SLOWEST = 1.0
"""Starts a second, however often an endpoint is slowed; the configured rate where that is lower."""
RECOVERY_SECONDS = 10.0
"""After each of these, a rate that was halved is doubled again, up to the configured one."""


class RateLimit:
    """At most so many starts a second, evenly spaced; after a pause, those of one second at once.

    Args:
        per_second: starts a second.
        clock: seconds that never go back.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._configured = self._slowed = per_second
        self._clock = clock
        self._next = self._slowed_at = clock()
        self._first: deque[asyncio.Future[None]] = deque()
        self._again: dict[str, deque[asyncio.Future[None]]] = {}
        self._share = FairShare()
        self._was_first = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def per_second(self) -> float:
        """Starts a second at present."""
        steps = min((self._clock() - self._slowed_at) // RECOVERY_SECONDS, 64.0)
        return min(self._slowed * math.ldexp(1.0, int(steps)), self._configured)

    def slow_down(self) -> None:
        """Halve the rate; it recovers step by step."""
        self._slowed = min(max(self.per_second / 2, SLOWEST), self._configured)
        self._slowed_at = self._clock()

    async def wait(self, again: str | None = None) -> None:
        """Wait for one's turn: in order of asking, but for those that asked before.

        Who asks `again`, for the namespace that it names, leaves every second turn to those that begin. Among those
        that ask again namespaces have equal shares, and who had no turn lately goes first: however many namespaces
        want more than their share, one that wants little waits for none of them.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._first if again is None else self._again.setdefault(again, deque())
        queue.append(turn)
        if self._timer is None:
            self._plan()
        await turn

    async def wait_at_most(self, seconds: float, again: str | None = None) -> bool:
        """Wait for one's turn, but no longer than this; whether it came. Who gives up takes no turn."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait(again)
        except TimeoutError:
            return False
        return True

    def give_back(self) -> None:
        """Let one more begin: somebody had a turn and started nothing."""
        self._next -= self._interval
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._plan()

    def _plan(self) -> None:
        """Begin what may begin now, and come back when the next may."""
        while self._drop_cancelled():
            now = self._clock()
            slack = max(1.0, self._interval) - self._interval
            turn = max(self._next, now - slack)
            if turn > now:
                self._timer = asyncio.get_running_loop().call_later(turn - now, self._come_back, turn)
                return
            self._begin(turn)

    def _come_back(self, turn: float) -> None:
        self._timer = None
        if self._drop_cancelled():
            self._begin(turn)
        self._plan()

    def _begin(self, turn: float) -> None:
        self._next = turn + self._interval
        self._was_first = bool(self._first) and not (self._was_first and self._again)
        if self._was_first:
            self._first.popleft().set_result(None)
            return
        namespace = self._share.serve_first(reversed(self._again))  # of equals, who came last has waited for none
        self._share.took(namespace, 1)
        queue = self._again[namespace]
        queue.popleft().set_result(None)
        if not queue:
            del self._again[namespace]
        if not self._again:
            self._share.forget()

    def _drop_cancelled(self) -> bool:
        """Whether anybody waits who goes next; those that gave up before their turn take none."""
        while self._first and self._first[0].done():
            self._first.popleft()
        for namespace, queue in list(self._again.items()):
            while queue and queue[0].done():
                queue.popleft()
            if not queue:
                del self._again[namespace]
        return bool(self._first or self._again)

    @property
    def _interval(self) -> float:
        return 1 / self.per_second
