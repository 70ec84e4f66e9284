"""Large answers: decoded one at a time with a pause after each, in fair turns.

Anybody may make the objects of his namespace large. Who waits in place does so with the first bytes of an answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.kube.errors import TooLargeError
from adobe_ims_operator.kube.fair_turns import FOR_ALL, FairTurns, Place
from adobe_ims_operator.kube.remembered_paths import RememberedPaths
from adobe_ims_operator.kube.transport import LARGE, Answer, decode

LARGEST_BYTES = 2 * 2**20
"""Of one object that is read. Kubernetes takes a Secret with a mebibyte of data (its documentation, "Secrets"), which
is 1.4 of base64."""
SHARE_OF_TIME = 1 / 4
"""At most, for large answers together."""
READ_SECONDS = 2.0
"""To read the rest of an answer in its turn, while all others wait; a mebibyte takes milliseconds."""
KNOWN = 1000
"""Paths of which it is remembered that the answer was large."""


class LargeAnswers:
    """Reads them.

    Args:
        counter: seconds that never go back.
    """

    def __init__(self, counter: Callable[[], float] = time.perf_counter) -> None:
        self._counter = counter
        self._turns = FairTurns(counter)
        self._known = RememberedPaths(KNOWN)

    def expect(self, path: str) -> None:
        """Spare a request whose answer was large the last time, and could not be decoded now.

        Raises:
            PutOffError: the work that asks is put off.
        """
        if path in self._known:
            self._turns.admit()

    async def read(self, answer: Answer, path: str, *, fields: bool) -> Any:
        """Read an answer and decode it.

        Args:
            path: what was asked for.
            fields: as for `decode`.

        Raises:
            PutOffError: it is large and not its turn, and the work that asked is put off; a write was done.
            TooLargeError: it has more than `LARGEST_BYTES`.
            TimeoutError: its rest does not come.
        """
        body = await answer.read_up_to(LARGE)
        if len(body) <= LARGE:
            self._known.discard(path)
            return decode(body, fields=fields)
        self._known.add(path)
        with answer.closed_on_failure():
            await self._turns.take(path)
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
        """Decode a page of a list, which was read already."""
        if len(body) <= LARGE:
            return decode(body, fields=False)
        await self._turns.take_for(FOR_ALL)
        started = self._counter()
        try:
            return decode(body, fields=False)
        finally:
            self._release_after(self._counter() - started)

    def ended(self, place: Place) -> None:
        """Work ended."""
        self._turns.ended(place)

    def _release_after(self, seconds: float) -> None:
        self._turns.release_after(seconds * (1 / SHARE_OF_TIME - 1))


async def _rest_of(answer: Answer, most: int) -> bytearray:
    async with asyncio.timeout(READ_SECONDS):
        rest = await answer.read_at_most(most)
    if rest is None:
        raise TooLargeError(0, "TooLarge", f"the object has more than {LARGEST_BYTES} bytes as JSON")
    return rest
