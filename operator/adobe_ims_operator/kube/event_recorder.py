"""Sends Events to the API server, beside the work: who records an Event does not wait until it is sent.

An API server that takes long over Events, as one with a hanging admission webhook does, holds up no rotation so. Where
it takes long over those of some namespaces, the Events of others are sent beside them, and before more of theirs.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.core.events import Event, Regarding, to_json
from adobe_ims_operator.core.fair_share import FairShare
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, InvalidAnswerError, NotLeadingError
from adobe_ims_operator.kube.paths import events_path

logger = logging.getLogger(__name__)

SENDERS = 16
"""Events that are sent at once, those that take long included."""
AT_ONCE = 4
"""Events that are sent at once, beside those that take long."""
SLOW = 0.5
"""Seconds after which the API server takes long over an Event."""
MAX_WAITING = 2000
"""Events that wait to be sent at most."""
MAX_OF_NAMESPACE = 250
"""Of those, Events of one namespace."""
SENDERS_OF_NAMESPACE = 2
"""Events of one namespace that are sent at once, as a webhook there may hang."""
REPORT_LOST_SECONDS = 60.0


class Recorder:
    """Takes Events, and sends them as soon as the API server takes them; one that it refuses is lost.

    Args:
        now: the wall clock, in UTC.
        instance: what Events call this process.
        most_waiting: the Events that wait to be sent at most; what comes on top is only logged, of the namespace that
            has the most.
        report_every: the seconds between two lines about the Events of one namespace that were lost alike.
    """

    def __init__(
        self,
        kube: Kube,
        now: Callable[[], datetime],
        instance: str,
        most_waiting: int = MAX_WAITING,
        report_every: float = REPORT_LOST_SECONDS,
    ) -> None:
        self._kube = kube
        self._now = now
        self._instance = instance
        self._share = FairShare()
        self._waiting: dict[str, deque[tuple[Regarding, Event, datetime]]] = {}
        self._total = 0
        self._sending: Counter[str] = Counter()
        self._slow: set[object] = set()  # of those that are sent
        # By namespace and why they were lost, since the last line; it has an entry while another line may be due.
        self._unreported: dict[tuple[str, str], int] = {}
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._most_waiting = most_waiting
        self._report_every = report_every
        self.dropped = 0
        """Events that were not sent since the start, as too many waited."""

    def record(self, regarding: Regarding, event: Event) -> None:
        """Log what happened to an object just now, unless the log has it, and have it sent."""
        if not event.logged:
            level = logging.WARNING if event.warning else logging.INFO
            fields = _fields(regarding, event)
            logger.log(level, "%s: %s: %s", regarding.key, event.reason, event.note, extra=fields)
        namespace = regarding.key.namespace
        if not self._has_room(namespace):
            self._drop(namespace)
            return
        self._waiting.setdefault(namespace, deque()).append((regarding, event.shortened(), self._now()))
        self._total += 1
        self._idle.clear()
        self._ready.set()

    def _has_room(self, namespace: str) -> bool:
        """Whether one more fits, if need be in place of the latest of the namespace that has the most."""
        count = len(self._waiting.get(namespace, ()))
        if count >= MAX_OF_NAMESPACE:
            return False
        if self._total < self._most_waiting:
            return True
        longest = max(self._waiting, key=lambda each: len(self._waiting[each]), default=namespace)
        if count + 1 >= len(self._waiting.get(longest, ())):
            return False
        self._waiting[longest].pop()
        self._total -= 1
        self._drop(longest)
        return True

    def _drop(self, namespace: str) -> None:
        self.dropped += 1
        self._lose(namespace, "too many Events wait")

    def _lose(self, namespace: str, why: str) -> None:
        reported = (namespace, why) in self._unreported
        self._unreported[namespace, why] = self._unreported.get((namespace, why), 0) + 1
        if not reported:
            self._report_lost(namespace, why)

    def _report_lost(self, namespace: str, why: str) -> None:
        lost = self._unreported.pop((namespace, why))
        if lost:
            logger.warning("namespace %s: %s; %d are not sent", namespace, why, lost)
            self._unreported[namespace, why] = 0
            asyncio.get_running_loop().call_later(self._report_every, self._report_lost, namespace, why)

    async def run(self) -> None:
        """Send what was recorded, one Event after the other, until cancelled; several may run at once."""
        while True:
            regarding, event, happened_at = await self._take()
            key, fields = regarding.key, _fields(regarding, event)
            loop, sent = asyncio.get_running_loop(), object()
            since, timer = loop.time(), loop.call_later(SLOW, self._takes_long, sent)
            try:
                body = to_json(event, regarding, happened_at, self._instance)
                await self._kube.create(events_path(key.namespace), body)
            except NotLeadingError:
                logger.info(
                    "%s: the Event %s is not sent, as another replica may lead", key, event.reason, extra=fields
                )
            except InvalidAnswerError as error:
                message = "%s: the Event %s is sent, but its answer is odd: %s"
                logger.info(message, key, event.reason, error, extra=fields)
            except ConflictError:
                logger.debug("%s: the Event %s was sent before", key, event.reason, extra=fields)
            except ApiError as error:
                self._lose(key.namespace, f"the API server does not take Events ({error.answer})")
            except Exception:
                logger.exception("%s: a defect of the operator; please report it", key, extra=fields)
            finally:
                timer.cancel()
                self._slow.discard(sent)
                self._done(key.namespace, loop.time() - since)

    async def _take(self) -> tuple[Regarding, Event, datetime]:
        while True:
            may_go = [each for each in self._waiting if self._sending.get(each, 0) < SENDERS_OF_NAMESPACE]
            if may_go and self._sending.total() - len(self._slow) < AT_ONCE:
                namespace = self._share.serve_first(may_go)
                queue = self._waiting.pop(namespace)
                taken = queue.popleft()
                if queue:
                    self._waiting[namespace] = queue  # behind its equals
                self._sending[namespace] += 1
                self._total -= 1
                return taken
            self._ready.clear()
            await self._ready.wait()

    def _takes_long(self, sent: object) -> None:
        self._slow.add(sent)
        self._ready.set()

    def _done(self, namespace: str, seconds: float) -> None:
        self._share.took(namespace, seconds)
        self._sending[namespace] -= 1
        if not self._sending[namespace]:
            del self._sending[namespace]
        self._ready.set()
        if not self._waiting and not self._sending:
            self._share.forget()
            self._idle.set()

    async def flush(self) -> None:
        """Wait until all that was recorded is sent."""
        await self._idle.wait()


def _fields(regarding: Regarding, event: Event) -> Mapping[str, Mapping[str, str]]:
    # An Event about a workload is for a credential.
    return about((event.related or regarding).key, reason=event.reason)
