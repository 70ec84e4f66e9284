"""The workers: they take what is due, lane by lane, and have it reconciled.

Each allowed endpoint has its lane, so that a slow one holds up no other; what asks IMS nothing has a lane too. A token
that came goes there to be written, while the endpoint is asked for the next one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.queue import Place, Schedule
from adobe_ims_operator.controller.tasks import is_cancelled
from adobe_ims_operator.core import policy
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.kube.errors import NotLeadingError

logger = logging.getLogger(__name__)

RETRY_AFTER_DEFECT_SECONDS = 60.0
NOT_LEADING_SECONDS = 1.0
"""Until the Lease is seen to be lost and the schedule stops, or it is renewed after all."""
NO_REQUEST = "no request"
"""The lane of those that IMS is not asked for."""
IN_ORDER = Place(NO_REQUEST, (0.0,))
TOKEN_CAME = Place(NO_REQUEST, (0.0,), begun=True)


def place(observed: Observed | None, now: datetime) -> Place:
    """Where a credential that is due waits for its turn; None is one that is gone."""
    # An endpoint that is not allowed has no lane, whatever there is to do.
    if observed is None or not observed.endpoint_allowed:
        return IN_ORDER
    action = policy.decide(observed, now).action
    if action is policy.Action.FETCH:
        rank, until = policy.rank(observed, now)
        return Place(observed.endpoint, rank, until.timestamp() if until is not None else None)
    return TOKEN_CAME if observed.token_waits and action is not policy.Action.WAIT else IN_ORDER


class Workers:
    """So many workers for each lane.

    Those of an endpoint take nothing more while as many tokens as there are workers of a lane are ready to be written.

    Args:
        place: where a credential waits as of now.
        reconcile: does the work; when to look again, or None.
        count: workers for each lane.
    """

    def __init__(
        self,
        schedule: Schedule[Key],
        place: Callable[[Key], Place],
        reconcile: Callable[[Key], Awaitable[datetime | None]],
        count: int,
    ) -> None:
        self._schedule = schedule
        self._where = place
        self._reconcile = reconcile
        self._count = count
        self._ready_to_write: set[Key] = set()
        self._room = asyncio.Event()
        self._room.set()

    def start(self, lanes: Sequence[str]) -> list[asyncio.Task[None]]:
        """Start the workers; they end once this is closed."""
        places = [lane for lane in lanes for _ in range(self._count)]
        return [asyncio.create_task(self._work(lane), name=f"worker of {lane}") for lane in places]

    async def close(self) -> None:
        """Take nothing more but tokens that came; the tasks end when these are written."""
        await self._schedule.close()
        self._make_room()

    def place(self, key: Key) -> Place:
        """Where a credential that is due waits as of now; whose token came takes room until it has its turn."""
        where = self._where(key)
        if where.begun and not self._schedule.closed:
            self._ready_to_write.add(key)
            if len(self._ready_to_write) >= self._count:
                self._room.clear()
        else:
            self.forget(key)
        return where

    def forget(self, key: Key) -> None:
        """Let go of the room that a credential takes."""
        self._ready_to_write.discard(key)
        self._make_room()

    def _make_room(self) -> None:
        if len(self._ready_to_write) < self._count or self._schedule.closed:
            self._room.set()

    async def _work(self, lane: str) -> None:
        while True:
            if lane != NO_REQUEST:
                await self._room.wait()
            if (key := await self._schedule.take(lane)) is None:
                return
            self.forget(key)
            if self._where(key).lane != lane:  # what is to be done changed while it waited
                self._schedule.done(key, time.time())
            else:
                await self._take_turn(key)

    async def _take_turn(self, key: Key) -> None:
        again_at: float | None = time.time() + RETRY_AFTER_DEFECT_SECONDS
        try:
            again_at = await self._reconcile_once(key)
            while self._schedule.closed and self._is_begun(key, again_at):
                again_at = await self._reconcile_once(key)  # as it is handed out no more
        finally:
            self._schedule.done(key, again_at)

    async def _reconcile_once(self, key: Key) -> float | None:
        try:
            moment = await self._reconcile(key)
        except NotLeadingError:
            return time.time() + NOT_LEADING_SECONDS
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return time.time()
        except Exception:
            logger.exception("%s: a defect of the operator; please report it", key)
            return time.time() + RETRY_AFTER_DEFECT_SECONDS
        return moment.timestamp() if moment is not None else None

    def _is_begun(self, key: Key, again_at: float | None) -> bool:
        return again_at is not None and again_at <= time.time() and self._where(key).begun
