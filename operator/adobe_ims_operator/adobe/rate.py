"""How often an endpoint may be asked: at the rate that was configured, or more slowly while it throttles many."""

import asyncio
import math
from collections.abc import Callable

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

    @property
    def per_second(self) -> float:
        """Starts a second at present."""
        steps = min((self._clock() - self._slowed_at) // RECOVERY_SECONDS, 64.0)
        return min(self._slowed * math.ldexp(1.0, int(steps)), self._configured)

    def slow_down(self) -> None:
        """Halve the rate; it recovers step by step."""
        self._slowed = min(max(self.per_second / 2, SLOWEST), self._configured)
        self._slowed_at = self._clock()

    async def wait(self) -> None:
        """Wait for one's turn, in order of asking."""
        now = self._clock()
        interval = 1 / self.per_second
        slack = max(1.0, interval) - interval
        turn = max(self._next, now - slack)
        self._next = turn + interval
        if turn > now:
            await asyncio.sleep(turn - now)
