"""Large answers: decoded one at a time with a pause after each, namespaces in turn, and read by few at once.

Anybody may make the objects of his namespace large. An answer that waits for its turn keeps only its first bytes, so
many of them at once take no memory; and one of another namespace waits for one of them, not for all.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.kube.errors import TooLargeError, UnreachableError
from adobe_ims_operator.kube.transport import LARGE, Answer, decode

LARGEST_BYTES = 2 * 2**20
"""Of one object that is read. Kubernetes takes a Secret with a mebibyte of data (its documentation, "Secrets"), which
is 1.4 of base64."""
SHARE_OF_TIME = 1 / 4
"""At most, for large answers together."""
WAIT_SECONDS = 15.0
"""For a turn."""
READ_SECONDS = 2.0
"""To read the rest of an answer in its turn, while all others wait; a mebibyte takes milliseconds."""


class LargeAnswers:
    """Whose turn it is.

    Args:
        counter: seconds that never go back.
        patience: seconds to wait for a turn.
    """

    def __init__(self, counter: Callable[[], float] = time.perf_counter, patience: float = WAIT_SECONDS) -> None:
        self._counter = counter
        self._patience = patience
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_taken = False

    async def read(self, answer: Answer, namespace: str, *, fields: bool) -> Any:
        """Read an answer and decode it.

        Args:
            namespace: whose it is.
            fields: as for `decode`.

        Raises:
            TooLargeError: it has more than `LARGEST_BYTES`.
            UnreachableError: too many of this namespace come first, or its rest does not come.
        """
        body = await answer.read_up_to(LARGE)
        if len(body) <= LARGE:
            return decode(body, fields=fields)
        with answer.closed_on_failure():
            await self._take(namespace)
        seconds = 0.0
        try:
            rest = await _rest_of(answer, LARGEST_BYTES - len(body))
            started = self._counter()
            try:
                return decode(body + rest, fields=fields)
            finally:
                seconds = self._counter() - started
        finally:
            self._release_after(seconds)

    async def decode(self, body: bytes | bytearray) -> Any:
        """Decode a page of a list, which was read already.

        Raises:
            UnreachableError: others come first for too long.
        """
        if len(body) <= LARGE:
            return decode(body, fields=False)
        await self._take("")
        started = self._counter()
        try:
            return decode(body, fields=False)
        finally:
            self._release_after(self._counter() - started)

    async def _take(self, namespace: str) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            # Not by asyncio.timeout: it may end in the same pass of the loop in which the turn comes.
            await asyncio.wait((turn,), timeout=self._patience)
        except asyncio.CancelledError:
            if turn.done():
                self._release()
            turn.cancel()
            raise
        if not turn.done():
            turn.cancel()
            raise UnreachableError(0, "TooManyLargeAnswers", "other large answers of the namespace came first")

    def _release_after(self, seconds: float) -> None:
        """Let the next one in after a pause, so that all of them together take no more than their share."""
        asyncio.get_running_loop().call_later(seconds * (1 / SHARE_OF_TIME - 1), self._release)

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


async def _rest_of(answer: Answer, most: int) -> bytearray:
    async with asyncio.timeout(READ_SECONDS):
        rest = await answer.read_at_most(most)
    if rest is None:
        raise TooLargeError(0, "TooLarge", f"the object has more than {LARGEST_BYTES} bytes as JSON")
    return rest
