"""The lanes of an endpoint: who is to be asked for there, and who is the next.

The choice is made as late as possible: an asker waits for a slot of the rate limit first, and then takes the credential
that is first at that moment. A slow endpoint holds up no other, as each has lanes of its own. So do the clients that an
endpoint throttles again and again: however slowly they are asked for, nobody else waits behind them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.namespace_turns import Turns
from adobe_ims_operator.controller.waiters import Waiters
from adobe_ims_operator.core.decision import Ask


class LaneName(NamedTuple):
    """Which lane of an endpoint; `probes` is that of the clients which it throttled again and again."""

    endpoint: str
    probes: bool


class Lane:
    """What waits for one endpoint, and what it is being asked for.

    Args:
        askers: how many requests may be in flight.
        clock: the wall clock, in epoch seconds.
        slot: waits until one more request may start: for room for its token, and for the rate limit.
    """

    def __init__(self, askers: int, clock: Callable[[], float], slot: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._slot = slot
        self._turns: Turns[Key] = Turns(askers, remembers=True)
        self._asks: dict[Key, tuple[Ask, float]] = {}  # with the moment when they came
        self._choosing = asyncio.Lock()
        self._waiters = Waiters()
        self._closed = False

    def put(self, key: Key, ask: Ask) -> None:
        """Have a key wait; one that waits already gets the new values and keeps its order of arrival.

        A key that IMS is being asked for is left alone: a worker looks at it when the answer is there, and decides.
        """
        if self._closed or self._turns.is_in_flight(key):
            return
        known = self._asks.get(key)
        if known is not None and known[0] == ask:
            return
        self._asks[key] = ask, known[1] if known is not None else self._clock()
        expires_at = 0.0 if ask.expires_at is None else ask.expires_at.timestamp()
        urgent_at = None if ask.urgent_at is None else ask.urgent_at.timestamp()
        self._turns.add(key, ask.priority, expires_at, urgent_at)
        self._stir()

    def remove(self, key: Key) -> None:
        """Ask for a key no longer; a request that is in flight may finish."""
        self._asks.pop(key, None)
        self._turns.remove(key)
        self._stir()

    async def get(self) -> tuple[Key, Ask] | None:
        """Wait for a slot, then for the credential that is the next then; None once closed. Give it back with `done`.

        A slot is lost where all that waited was removed meanwhile.
        """
        async with self._choosing:
            while not self._closed:
                if not self._turns.can_take:
                    await self._waiters.wait()
                    continue
                await self._slot()
                if (key := self._turns.take(self._clock())) is not None:
                    return key, self._asks.pop(key)[0]
        return None

    def leave_place(self, key: Key) -> None:
        """An answer for a key takes long: its place is another's."""
        self._turns.leave_place(key)
        self._stir()

    async def wait_for_slot(self, key: Key, slot: Awaitable[None]) -> None:
        """Have a key that is in flight wait for another slot, beside its place; that is no time of an answer."""
        self.leave_place(key)
        since = self._clock()
        try:
            await slot
        finally:
            self._turns.waited(key, self._clock() - since)

    def done(self, key: Key) -> None:
        """The request for a key ended, however it did."""
        self._turns.done(key, self._clock())
        self._stir()

    def block(self, namespace: str) -> None:
        """Ask for nothing of a namespace until `unblock`."""
        self._turns.block(namespace)
        self._stir()

    def unblock(self, namespace: str) -> None:
        """Ask for what a namespace wants again."""
        self._turns.unblock(namespace)
        self._stir()

    def close(self) -> None:
        """Ask for nothing more; each asker gets None."""
        self._closed = True
        for key in list(self._asks):
            self.remove(key)
        self._waiters.wake_all()

    def is_waiting(self, key: Key) -> bool:
        """Whether a key waits to be asked for."""
        return key in self._turns

    def in_flight(self, key: Key) -> bool:
        """Whether the endpoint is being asked for a key."""
        return self._turns.is_in_flight(key)

    @property
    def depth(self) -> int:
        """How many keys wait."""
        return len(self._turns)

    @property
    def oldest(self) -> float:
        """Seconds for which the first that came has waited."""
        came = next(iter(self._asks.values()), None)
        return max(self._clock() - came[1], 0.0) if came is not None else 0.0

    def _stir(self) -> None:
        if self._turns.can_take:
            self._waiters.wake()
