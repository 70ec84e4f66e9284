"""Sends Events to the API server, behind the work: whoever has something to tell does not wait until it is told.

An API server that takes long over Events, as one with a hanging admission webhook does, holds up no rotation so.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.core.events import Event, to_json
from adobe_ims_operator.kube.client import ApiError, Kube, NotLeadingError
from adobe_ims_operator.kube.paths import events_path

logger = logging.getLogger(__name__)

SENDERS = 4
"""Events that are sent at once."""
MAX_WAITING = 2000


class Recorder:
    """Takes Events, and sends them as soon as the API server takes them; one that it refuses is lost.

    Args:
        now: the wall clock, in UTC.
        instance: what Events call this process.
        most_waiting: the Events that wait to be sent at most; what comes on top is only logged.
    """

    def __init__(self, kube: Kube, now: Callable[[], datetime], instance: str, most_waiting: int = MAX_WAITING) -> None:
        self._kube = kube
        self._now = now
        self._instance = instance
        self._waiting: asyncio.Queue[tuple[Credential, Event, datetime]] = asyncio.Queue(most_waiting)

    def record(self, credential: Credential, event: Event) -> None:
        """Log what happened to a credential just now, and have it sent."""
        level = logging.WARNING if event.warning else logging.INFO
        logger.log(level, "%s: %s: %s", credential.key, event.reason, event.note)
        try:
            self._waiting.put_nowait((credential, event, self._now()))
        except asyncio.QueueFull:
            logger.warning("%s: too many Events wait; %s is not sent", credential.key, event.reason)

    async def run(self) -> None:
        """Send what was recorded, one Event after the other, for ever; several may run at once."""
        while True:
            credential, event, happened_at = await self._waiting.get()
            try:
                body = to_json(event, credential, happened_at, self._instance)
                await self._kube.create(events_path(credential.key.namespace), body)
            except NotLeadingError:
                logger.info("%s: the Event %s is not sent, as another replica may lead", credential.key, event.reason)
            except ApiError as error:
                logger.warning("%s: the Event %s could not be written: %s", credential.key, event.reason, error)
            except Exception:
                logger.exception("%s: a defect of the operator; please report it", credential.key)
            finally:
                self._waiting.task_done()

    async def flush(self) -> None:
        """Wait until all that was recorded is sent."""
        await self._waiting.join()
