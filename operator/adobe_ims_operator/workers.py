"""The workers: they take what is due, lane by lane, and have it reconciled.

Each allowed endpoint has its lane, so that a slow one holds up no other; what asks IMS nothing has a lane too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from adobe_ims_operator import policy
from adobe_ims_operator.kube import NotLeadingError
from adobe_ims_operator.observed import Observed
from adobe_ims_operator.resource import Key
from adobe_ims_operator.schedule import BEGUN, Place, Schedule

logger = logging.getLogger(__name__)

RETRY_AFTER_DEFECT_SECONDS = 60.0
NOT_LEADING_SECONDS = 1.0
"""Until the Lease is seen to be lost and the schedule stops, or it is renewed after all."""
NO_REQUEST = "no request"
"""The lane of those that IMS is not asked for: a token came and is to be written, or only a status, or nothing."""
IN_ORDER = Place(NO_REQUEST, (0.0,))


def place(observed: Observed | None, now: datetime) -> Place:
    """Where a credential that is due waits for its turn; None is one that is gone."""
    # An endpoint that is not allowed has no lane, whatever there is to do.
    if observed is None or not observed.endpoint_allowed:
        return IN_ORDER
    action = policy.decide(observed, now).action
    if action is policy.Action.WRITE:
        return Place(NO_REQUEST, BEGUN)
    if action is policy.Action.WAIT:
        return IN_ORDER
    rank, until = policy.rank(observed, now)
    return Place(observed.endpoint, rank, until.timestamp() if until is not None else None)


class Workers:
    """So many workers for each lane.

    Args:
        place: where a credential waits as of now.
        reconcile: does the work; when to look again, or None.
    """

    def __init__(
        self,
        schedule: Schedule[Key],
        place: Callable[[Key], Place],
        reconcile: Callable[[Key], Awaitable[datetime | None]],
    ) -> None:
        self._schedule = schedule
        self._place = place
        self._reconcile = reconcile

    def start(self, lanes: Sequence[str], count: int) -> list[asyncio.Task[None]]:
        """Start `count` workers for each lane; they end once the schedule is closed."""
        return [asyncio.create_task(self._work(lane), name=f"worker of {lane}") for lane in lanes for _ in range(count)]

    async def _work(self, lane: str) -> None:
        while (key := await self._schedule.take(lane)) is not None:
            if self._place(key).lane != lane:  # what is to be done changed while it waited
                self._schedule.done(key, time.time())
                continue
            again_at: float | None = time.time() + RETRY_AFTER_DEFECT_SECONDS
            try:
                moment = await self._reconcile(key)
                if self._schedule.closed and self._place(key).rank == BEGUN:
                    moment = await self._reconcile(key)  # as nobody else will
                again_at = moment.timestamp() if moment is not None else None
            except NotLeadingError:
                again_at = time.time() + NOT_LEADING_SECONDS
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                again_at = time.time()
            except Exception:
                logger.exception("%s: a defect of the operator; please report it", key)
            finally:
                self._schedule.done(key, again_at)


async def steadily(run: Callable[[], Awaitable[None]]) -> None:
    """Go on with `run` where kopf, at its end, cancels a task that a library made on our behalf."""
    while True:
        try:
            return await run()
        except asyncio.CancelledError:
            if is_cancelled():
                raise


def is_cancelled() -> bool:
    """Whether this very task is asked to end; else the cancellation was meant for another that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
