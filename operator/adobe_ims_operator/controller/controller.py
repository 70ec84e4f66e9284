"""The controller of AdobeIMSCredentials: what is enqueued is looked at by workers, and IMS is asked by askers.

    enqueue(key) -> worker: reconcile -> look again later, or a place in the lane of an endpoint
    lane -> asker: fetch -> a token in hand -> enqueue(key), and the worker writes it

Each endpoint has lanes with askers of their own, so that a slow one holds up no other.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.crowds import Crowds
from adobe_ims_operator.cache.missing_secrets import Absences
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.defects import DefectReport
from adobe_ims_operator.controller.fetch import Fetcher
from adobe_ims_operator.controller.follow_up import FollowUp
from adobe_ims_operator.controller.lanes import Lane, LaneName
from adobe_ims_operator.controller.places import most_slow, places_for
from adobe_ims_operator.controller.read_secrets import SecretReader
from adobe_ims_operator.controller.reconcile import Decide, Reconciler
from adobe_ims_operator.controller.restarter import Restarter
from adobe_ims_operator.controller.supervisor import Supervisor
from adobe_ims_operator.controller.taker import Taker
from adobe_ims_operator.controller.tally import Tally
from adobe_ims_operator.controller.tasks import is_cancelled
from adobe_ims_operator.controller.throttling import Throttles
from adobe_ims_operator.controller.tokens_in_hand import TokensInHand
from adobe_ims_operator.controller.work import Observe, Work
from adobe_ims_operator.controller.workers import AFTER_DEFECT, NOT_LEADING, SLOW, Workers, log_defect
from adobe_ims_operator.controller.workqueue import Priority, WorkQueue
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import defect, policy
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.core.model import Step, Trouble
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import NotLeadingError, PutOffError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.fair_turns import PLACE, Place

CREDENTIALS = "credentials"
FEWEST_WORKERS = 3
"""So that one that writes slowly leaves some to look at other credentials, and at other namespaces."""


class Controller:
    """Keeps the tokens of all credentials in its store fresh, until it is stopped.

    The watches fill `store`, whose changes enqueue themselves.

    Args:
        jitter: a random number in [0, 1).
        random_hex: 16 hexadecimal digits by chance.
        forbidden: what no token Secret may have.
        count: takes each request to IMS: the endpoint, Issued or why there is no token, and the seconds it took.
        concurrency: how many requests for one namespace are under way to each endpoint, and how many of its credentials
            are looked at at once; a third more where several namespaces want it.
        qps: how many tokens are asked for in a second, of each endpoint.
        observe: puts together what a decision depends on.
        decide: what to do next.
    """

    def __init__(  # noqa: PLR0913 - the one place where all of it comes together
        self,
        kube: Kube,
        ims: IMSClient,
        recorder: Recorder,
        endpoints: Endpoints,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        random_hex: Callable[[], str],
        forbidden: Forbidden,
        count: Callable[[str, str, float], None],
        concurrency: int,
        qps: float,
        observe: Observe = observe,
        decide: Decide = policy.decide,
    ) -> None:
        self._clock = clock
        self._kube = kube
        self._asker_count = places_for(concurrency)
        self._worker_count = places_for(max(concurrency, FEWEST_WORKERS))
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._in_hand = TokensInHand(2 * self._worker_count)
        self.queue: WorkQueue[Key] = WorkQueue(self._worker_count, self._seconds, clock.monotonic)
        self.store = Store(self._enqueue, absences=Absences(clock.monotonic))
        users, takers = self.store.users, self.store.takers
        self.store.wake_crowd = Crowds(users, self._enqueue, lambda secret: len(users(secret))).wake
        self.store.wake_takers = Crowds(takers.to_wake, self._enqueue, lambda source: len(takers.of(source))).wake
        self.skews: dict[str, float] = {}
        self.supervisor = Supervisor(clock.monotonic, jitter)
        self.limits = {url: RateLimit(qps, clock.monotonic) for url in endpoints.urls}
        self.probe_limits = {url: RateLimit(qps, clock.monotonic) for url in endpoints.urls}
        names = [LaneName(url, probes) for url in endpoints.urls for probes in (False, True)]
        self.lanes = {name: Lane(self._asker_count, self._seconds, partial(self._slot, name)) for name in names}
        for lane in self.lanes.values():
            self._in_hand.add_gate(lane)
        self.throttles = throttles = Throttles(self.probe_limits, clock.monotonic, self.queue.add)
        self._work = Work(
            self.store,
            endpoints,
            self.lanes,
            self._in_hand,
            throttles,
            clock=clock,
            forbidden=forbidden,
            observe=observe,
        )
        reader = SecretReader(self._work, kube, clock, jitter)
        restarter = Restarter(self._work, kube, recorder, clock, jitter)
        follow_up = FollowUp(self._work, kube, reader, recorder, restarter, clock, jitter)
        taker = Taker(self._work, reader, kube, clock, random_hex)
        reconciler = Reconciler(self._work, kube, reader, taker, follow_up, clock, decide)
        self._workers = Workers(
            self.queue,
            reconciler.reconcile,
            clock,
            self.supervisor,
            report=DefectReport(self.store, kube, recorder, clock).report,
            count=self._worker_count,
            what=CREDENTIALS,
            on_end=self._ended,
        )
        self.queue.on_slow(self._hold_or_release)
        self._workers.on_put_off = self._in_hand.park
        self._workers.on_slow = self._takes_long
        self._fetcher = Fetcher(
            self._work, reader, kube, ims, throttles, self.limits, clock, random_hex, count, self.skews
        )

    def start(self) -> None:
        """Start workers and askers; `run` keeps the queue's time."""
        keep = partial(self.supervisor.keep, may_end=True)
        self._workers.start()
        count = self._asker_count + most_slow(self._asker_count)
        askers = [keep(f"asker {n}", partial(self._asker, lane)) for lane in self.lanes for n in range(count)]
        self._askers = [asyncio.create_task(ask, name="asker") for ask in askers]

    @property
    def tokens_in_hand(self) -> int:
        """How many tokens wait to be written."""
        return len(self._in_hand)

    @property
    def tally(self) -> Tally:
        """What the work came to."""
        return self._work.tally

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """What `start` started; none of them ends before `stop`."""
        return [*self._workers.tasks, *self._askers]

    async def run(self) -> None:
        """Hand out what falls due, until cancelled."""
        await self.queue.run()

    async def stop(self) -> None:
        """Begin nothing more, and finish what is under way: each token that came is written.

        While paused nothing is written, as another replica may lead.
        """
        paused = not self._may_ask.is_set()
        for lane in self.lanes.values():
            lane.close()
        self._in_hand.close()
        self._may_ask.set()
        self.queue.shut_down()
        await asyncio.gather(*self._askers)
        await self._workers.finished()
        if not paused:
            await asyncio.gather(*(self._workers.look_at(key) for key in self._in_hand))

    def pause(self) -> None:
        """Begin nothing until `resume`: another replica may lead. Tokens in hand are kept."""
        self.queue.pause()
        self._may_ask.clear()

    def resume(self, *, another_led: bool) -> None:
        """Go on; where another replica led meanwhile, take up what it left in the statuses."""
        if another_led:
            self._work.forget_attempts()
        self._may_ask.set()
        self.queue.resume()

    def forget_attempts(self) -> None:
        """Take up from the statuses and Secrets what was done, as at a start."""
        self._work.forget_attempts()

    def _takes_long(self, key: Key) -> None:
        """What waits for a write that hangs takes no room, and no more of it is asked for."""
        self._in_hand.park(key)
        self._hold_or_release(key.namespace)

    def _hold_or_release(self, namespace: str) -> None:
        if self.queue.is_slow(namespace):
            self._in_hand.hold(namespace)
        else:
            self._in_hand.release(namespace)

    def _ended(self, key: Key, place: Place) -> None:
        # Where IMS is to be asked, the work goes on there, with the turn that this key may have been called for.
        if not self._work.is_asked(key):
            self._kube.ended(place)
        self._hold_or_release(key.namespace)

    def _seconds(self) -> float:
        return self._clock.now().timestamp()

    async def _slot(self, lane: LaneName) -> None:
        if lane.probes:
            await self.probe_limits[lane.endpoint].wait()
        await self._may_ask.wait()
        await self._in_hand.room()
        await self.limits[lane.endpoint].wait()

    def _enqueue(self, key: Key, after: float) -> None:
        if after:
            self.queue.add_at(key, self._clock.now().timestamp() + after)
        else:
            self.queue.add(key)

    async def _asker(self, name: LaneName) -> None:
        lane = self.lanes[name]
        while (taken := await lane.get()) is not None:
            key, ask = taken
            place = self._workers.place(key)
            PLACE.set(place)
            # What IMS answers slowly, as it may for some clients alone, holds up nobody else's.
            timer = asyncio.get_running_loop().call_later(SLOW, lane.leave_place, key)
            again_after = timedelta(0)
            try:
                if not await self._fetcher.fetch(key, ask, lane):
                    self.limits[name.endpoint].give_back()
            except NotLeadingError:
                again_after = NOT_LEADING
            except PutOffError:
                self.limits[name.endpoint].give_back()
                continue
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._defect(key, error, name.endpoint)
            finally:
                timer.cancel()
                self._work.answered(key, name)
                self._kube.ended(place)
            if again_after:
                self.queue.add_at(key, (self._clock.now() + again_after).timestamp())
            else:
                self.queue.add(key, Priority.IN_HAND if key in self._in_hand else Priority.NORMAL)

    def _defect(self, key: Key, error: Exception, endpoint: str) -> None:
        """Log that an asker failed, and have it be an attempt that failed, which the next turn reports."""
        log_defect(key, error, endpoint)
        self.supervisor.defects[CREDENTIALS] += 1
        if (known := self._work.attempts(key)) is not None:
            trouble = Trouble(defect.finding(error), Pace.IMS, AFTER_DEFECT)
            self._work.note(key, attempt.failed(known, Step.ASK, trouble, None, self._clock.now(), 0.0))
