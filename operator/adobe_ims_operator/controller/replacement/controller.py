"""The controller of AdobeIMSClientSecrets: a queue of its own, and workers of its own, over the same store.

What it does is rare and may take long, so nothing of it waits behind a token, and no token behind it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.console import ConsoleClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.crowds import Crowds
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.controller.places import places_for
from adobe_ims_operator.controller.replacement.at_adobe import AtAdobe
from adobe_ims_operator.controller.replacement.defects import DefectReport
from adobe_ims_operator.controller.replacement.reconcile import Decide, Reconciler
from adobe_ims_operator.controller.replacement.secrets import Secrets
from adobe_ims_operator.controller.replacement.work import Work
from adobe_ims_operator.controller.workers import Workers
from adobe_ims_operator.controller.workqueue import WorkQueue
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.event_recorder import Recorder

logger = logging.getLogger(__name__)

CLIENT_SECRETS = "client secrets"
LAST_WRITES, BETWEEN_LAST_WRITES = 3, 1.0
"""How often it is tried to write what Adobe gave before the process ends, and the seconds in between."""
LIST_QPS, DEED_QPS = 6.0, 4.0
"""How often the console API is asked in a second, for all objects, for lists and for all else: Adobe does not say how
often it may be."""


class ReplacementController:
    """Replaces the client secrets of all objects that are seen, until it is stopped.

    Args:
        credentials: the controller of credentials, whose store and limits are shared.
        console_endpoint: where the console API is.
        jitter: a random number in [0, 1).
        count: takes each request to IMS: the endpoint, Issued or why there is no token, and the seconds it took.
        count_console: takes each request to the console API: what was asked, and Done or why it was not.
        concurrency: how many objects of one namespace are worked on at once.
        decide: what to do next.
    """

    def __init__(  # noqa: PLR0913 - the one place where all of it comes together
        self,
        kube: Kube,
        ims: IMSClient,
        console: ConsoleClient,
        recorder: Recorder,
        credentials: Controller,
        *,
        endpoints: Endpoints,
        console_endpoint: str,
        clock: Clock,
        jitter: Callable[[], float],
        count: Callable[[str, str, float], None],
        count_console: Callable[[str, str], None],
        concurrency: int,
        decide: Decide = decide,
    ) -> None:
        self._clock = clock
        self._paused = False
        # Work that waits for the rate of lists and deeds, which is ours, does not hang.
        self.queue: WorkQueue[Key] = WorkQueue(places_for(concurrency), self._seconds, clock.monotonic, remembers=False)
        self.replacements = Replacements(self.queue.add)
        users = self.replacements.users
        crowds = Crowds(users, lambda key, _: self.queue.add(key), lambda secret: len(users(secret)))
        self.replacements.wake_crowd = crowds.wake
        store = credentials.store
        store.on_secret = self.replacements.secret_changed
        store.on_synced = self.replacements.enqueue_all
        self._work = Work(store, self.replacements, endpoints, console_endpoint, clock=clock, jitter=jitter)
        secrets = Secrets(self._work, kube, recorder)
        adobe = AtAdobe(
            self._work,
            kube,
            secrets,
            ims,
            console,
            credentials.throttles,
            credentials.limits,
            RateLimit(LIST_QPS, clock.monotonic),
            RateLimit(DEED_QPS, clock.monotonic),
            count,
            count_console,
        )
        reconciler = Reconciler(self._work, kube, secrets, adobe, recorder, decide)
        self._workers = Workers(
            self.queue,
            reconciler.reconcile,
            clock,
            credentials.supervisor,
            report=DefectReport(self.replacements, kube, recorder, clock).report,
            count=places_for(concurrency),
            what=CLIENT_SECRETS,
            on_end=lambda _, place: kube.ended(place),
        )

    def start(self) -> None:
        """Start workers; `run` keeps the queue's time."""
        self._workers.start()

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """What `start` started; none of them ends before `stop`."""
        return self._workers.tasks

    async def run(self) -> None:
        """Hand out what falls due, until cancelled."""
        await self.queue.run()

    async def stop(self) -> None:
        """Begin nothing more, and write what Adobe gave.

        While paused nothing is written, as another replica may lead.
        """
        paused = self._paused
        self._work.stop()
        self.queue.shut_down()
        await self._workers.finished()
        if not paused:
            await self._write_what_adobe_gave()
        for key, uuid in self._work.unwritten().items():
            message = "AdobeIMSClientSecret %s: client secret %s was added, and its value could not be written"
            logger.error(message, key, uuid, extra=about(key))

    async def _write_what_adobe_gave(self) -> None:
        for number in range(LAST_WRITES):
            if not (unwritten := self._work.unwritten()):
                return
            await asyncio.sleep(BETWEEN_LAST_WRITES if number else 0)
            self._work.stop()
            await asyncio.gather(*(self._workers.look_at(key) for key in unwritten))

    def pause(self) -> None:
        """Begin nothing until `resume`: another replica may lead."""
        self._paused = True
        self.queue.pause()

    def resume(self, *, another_led: bool) -> None:
        """Go on; where another replica led meanwhile, take up what it left in the Secrets."""
        if another_led:
            self._work.forget_attempts()
        self._paused = False
        self.queue.resume()

    def forget_attempts(self) -> None:
        """Take up from the Secrets what was done, as at a start."""
        self._work.forget_attempts()
        self.replacements.forget_versions()

    def _seconds(self) -> float:
        return self._clock.now().timestamp()
