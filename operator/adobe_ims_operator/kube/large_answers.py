"""Large answers, read and decoded one at a time: namespaces take turns, and there is a pause after each.

Anybody may make the objects of his namespace large. What waits for its turn keeps no more than its first bytes, so many
that come at once take no memory; and an answer of another namespace waits for one of them, not for all.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.kube.errors import TooLargeError
from adobe_ims_operator.kube.transport import LARGE, Answer, decode

LARGEST = 2 * 2**20
"""Bytes of one object that is read. Kubernetes takes a Secret with a mebibyte of data (its documentation, "Secrets"),
which is 1.4 of base64."""
PATIENCE = 15.0
"""Seconds to wait for a turn."""
SHARE = 1 / 4
"""Of the time, at most, for large answers."""


class LargeAnswers:
    """Whose turn it is.

    Args:
        counter: seconds that never go back.
    """

    def __init__(self, counter: Callable[[], float] = time.perf_counter) -> None:
        self._counter = counter
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_taken = False

    async def read(self, answer: Answer, namespace: str, *, fields: bool) -> Any:
        """Read an answer and decode it.

        Args:
            namespace: whose it is.
            fields: as for `decode`.

        Raises:
            TooLargeError: it has more than `LARGEST` bytes.
            TimeoutError: many of this namespace come first.
        """
        body = await answer.read_up_to(LARGE)
        if len(body) <= LARGE:
            return decode(body, fields=fields)
        await self._take(namespace)
        started = self._counter()
        try:
            rest = await answer.read_at_most(LARGEST - len(body))
            if rest is None:
                raise TooLargeError(0, "TooLarge", f"the object has more than {LARGEST} bytes as JSON")
            started = self._counter()
            return decode(body + rest, fields=fields)
        finally:
            self._release_after(started)

    async def decode(self, body: bytes | bytearray) -> Any:
        """Decode a page of a list, which is read already."""
        if len(body) <= LARGE:
            return decode(body, fields=False)
        await self._take("")
        started = self._counter()
        try:
            return decode(body, fields=False)
        finally:
            self._release_after(started)

    async def _take(self, namespace: str) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release_after(self, started: float) -> None:
        """Let the next one in after a pause, so that all of them together take no more than their share."""
        pause = (self._counter() - started) * (1 / SHARE - 1)
        asyncio.get_running_loop().call_later(pause, self._release)

    def _release(self) -> None:
        while self._waiting:
            namespace = next(iter(self._waiting))
            turns = self._waiting.pop(namespace)
            turn = turns.popleft()
            if turns:
                self._waiting[namespace] = turns  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False
