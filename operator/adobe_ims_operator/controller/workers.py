"""The workers of a queue: each takes a key, has it reconciled, and gives it back; a defect ends none of them."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.places import most_slow
from adobe_ims_operator.controller.supervisor import Supervisor
from adobe_ims_operator.controller.tasks import is_cancelled
from adobe_ims_operator.controller.workqueue import WorkQueue
from adobe_ims_operator.core import defect
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.kube.errors import ApiError, NotLeadingError, PutOffError
from adobe_ims_operator.kube.fair_turns import PLACE, Place

logger = logging.getLogger(__name__)

SLOW = 0.5
"""Seconds after which work leaves its place to others: what it waits for hangs, as an admission webhook may."""
AFTER_DEFECT = timedelta(seconds=60)
BETWEEN_REPORTS = AFTER_DEFECT / 2
"""Between two statuses that report a defect: an object that changes all the time has a turn at each change."""
NOT_LEADING = timedelta(seconds=1)
"""Until the Lease is seen to be lost and the queue stops, or it is renewed after all."""


class Workers:
    """Some workers over one queue.

    Args:
        reconcile: brings one object to where it should be; when to look again, or None if that waits for a change.
        report: writes into the status of an object that its turn ended by a defect.
        count: how many are at work at once, beside those whose work takes long.
        what: what they work on, for their names.
        on_end: takes the key of each piece of work that ended, and its place.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        reconcile: Callable[[Key], Awaitable[datetime | None]],
        clock: Clock,
        supervisor: Supervisor,
        *,
        report: Callable[[Key, Finding], Awaitable[None]],
        count: int,
        what: str,
        on_end: Callable[[Key, Place], None],
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._clock = clock
        self._supervisor = supervisor
        self._report = report
        self._report_at: dict[Key, float] = {}
        self._count = count
        self._what = what
        self._on_end = on_end
        self.on_put_off: Callable[[Key], None] = lambda _: None
        """Takes a key whose work was put off, as a large answer has to wait for its turn."""
        self.on_slow: Callable[[Key], None] = lambda _: None
        """Takes a key whose work takes long."""
        self.tasks: Sequence[asyncio.Task[None]] = ()
        """Those that run; none of them ends before the queue is shut down."""

    def start(self) -> None:
        """Start them; the queue keeps the time."""
        keep = partial(self._supervisor.keep, may_end=True)
        # Whose work takes long has left its place, and is no worker for others.
        count = self._count + most_slow(self._count)
        names = [f"worker {n} of {self._what}" for n in range(count)]
        self.tasks = [asyncio.create_task(keep(name, self._work), name=name) for name in names]

    async def finished(self) -> None:
        """Wait until the queue is shut down and what was under way is done."""
        await asyncio.gather(*self.tasks)

    async def look_at(self, key: Key) -> datetime | None:
        """Reconcile one key, whatever comes of it; when to look again."""
        try:
            again_at = await self._reconcile(key)
        except NotLeadingError:
            return self._clock.now() + NOT_LEADING
        except PutOffError:
            self.on_put_off(key)
            return None
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return self._clock.now()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            again_at = self._clock.now() + AFTER_DEFECT
            await self._defect(key, error)
            return again_at
        self._report_at.pop(key, None)
        return again_at

    async def _defect(self, key: Key, error: Exception) -> None:
        """Log a defect, and write it into the status, however often the object changes meanwhile."""
        log_defect(key, error)
        self._supervisor.defects[self._what] += 1
        now = self._clock.monotonic()
        if now < self._report_at.get(key, now):
            return
        self._report_at[key] = now + BETWEEN_REPORTS.total_seconds()
        try:
            await self._report(key, defect.finding(error))
        except (NotLeadingError, PutOffError):
            logger.debug("%s: the status does not tell of the defect yet", key, extra=about(key))
        except ApiError as refused:
            logger.warning("%s: can't write the status: %s", key, refused, extra=about(key))
        except Exception as another:  # noqa: BLE001 - there is nothing left but the log
            log_defect(key, another)

    def place(self, key: Key) -> Place:
        """What work on a key holds; where it is put off, it is begun again by the queue."""
        return Place(key.namespace, (self._what, key), partial(self._queue.add, key))

    async def _work(self) -> None:
        while (key := await self._queue.get()) is not None:
            place = self.place(key)
            PLACE.set(place)
            timer = asyncio.get_running_loop().call_later(SLOW, self._slow, key)
            await asyncio.sleep(0)  # a look that needs no request would else keep the loop until the queue is empty
            again_at: datetime | None = self._clock.now() + AFTER_DEFECT
            try:
                again_at = await self.look_at(key)
            finally:
                timer.cancel()
                self._queue.done(key, None if again_at is None else again_at.timestamp())
                self._on_end(key, place)

    def _slow(self, key: Key) -> None:
        self._queue.leave_place(key)
        self.on_slow(key)


def log_defect(key: Key, error: Exception, endpoint: str | None = None) -> None:
    """Log a defect with where it is. Its own text is left out, as it may quote what it failed on."""
    where = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    fields = about(key, endpoint=endpoint)
    logger.error(
        "%s: a defect of the operator; please report it: %s\n%s", key, type(error).__name__, where, extra=fields
    )
