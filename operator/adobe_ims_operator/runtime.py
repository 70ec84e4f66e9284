"""The process: everything put together, started in order, and stopped in order."""

import asyncio
import logging
import random
import signal
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from adobe_ims_operator import policy
from adobe_ims_operator.cluster import Cluster
from adobe_ims_operator.endpoints import Endpoints, RateLimit
from adobe_ims_operator.fetch import Fetcher
from adobe_ims_operator.ims import IMSClient
from adobe_ims_operator.kube import Kube
from adobe_ims_operator.login import load_configuration
from adobe_ims_operator.reconcile import Reconciler, utc_now
from adobe_ims_operator.report import Reporter
from adobe_ims_operator.resource import Key
from adobe_ims_operator.schedule import Schedule
from adobe_ims_operator.secret_watch import SecretWatch
from adobe_ims_operator.watch import CredentialWatch

logger = logging.getLogger(__name__)

STOP_SECONDS = 6.0
"""How long work under way may take to finish after SIGTERM."""
RETRY_AFTER_DEFECT_SECONDS = 60.0
DELETION_SECONDS = 1.0
"""How long after the deletion of a Secret to look at who used it."""
NO_REQUEST = "no request"
"""The lane of those that IMS is not asked for: refused, suspended, or with nothing to do but a status to write."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    namespaces: Sequence[str] = ()
    selector: str | None = None
    concurrency: int = 32
    ims_qps: float = 50.0


async def run(options: Options) -> int:
    """Run the operator until SIGTERM or SIGINT; the exit code.

    Raises:
        NoClusterError: there is no cluster to work on.
    """
    workers = options.concurrency * len(options.endpoints.urls)
    kube = Kube(await load_configuration(), workers + options.concurrency, load_configuration)
    ims = IMSClient(workers, options.trust)
    try:
        return await _Process(options, kube, ims).run()
    finally:
        await ims.close()
        await kube.close()


class _Process:
    def __init__(self, options: Options, kube: Kube, ims: IMSClient) -> None:
        self._options = options
        self._stop = asyncio.Event()
        self._schedule: Schedule[Key] = Schedule(time.time, time.monotonic, self._place)
        self._cluster = Cluster(options.endpoints, self._schedule.now, self._wake_soon, self._schedule.discard)
        limits = {url: RateLimit(options.ims_qps, time.monotonic) for url in options.endpoints.urls}
        fetcher = Fetcher(ims, options.endpoints, limits, utc_now)
        reporter = Reporter(self._cluster, kube, utc_now, socket.gethostname())
        self._reconciler = Reconciler(self._cluster, kube, fetcher, reporter, utc_now, random.random)
        self._secret_watches = [
            SecretWatch(kube, self._cluster, namespace, random.random) for namespace in options.namespaces or (None,)
        ]
        self._credential_watch = CredentialWatch(
            kube, self._cluster, options.namespaces, options.selector, self._catch_signals, random.random
        )

    async def run(self) -> int:
        self._catch_signals()
        where = ", ".join(self._options.namespaces) or "all namespaces"
        logger.info("watching %s; endpoints: %s", where, ", ".join(self._options.endpoints.urls))
        # All tasks are made before kopf starts, since kopf cancels at its end what was made after its start.
        workers = [
            asyncio.create_task(self._work(lane), name=f"worker of {lane}")
            for lane in (NO_REQUEST, *self._options.endpoints.urls)
            for _ in range(self._options.concurrency)
        ]
        background = [asyncio.create_task(watch.run(), name="secret watch") for watch in self._secret_watches]
        background.append(asyncio.create_task(self._schedule.run(), name="schedule"))
        background.append(asyncio.create_task(self._credential_watch.sweep(), name="sweep"))
        credentials = asyncio.create_task(self._credential_watch.run(self._stop), name="credential watch")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        done, _ = await asyncio.wait(
            [stopping, credentials, *background, *workers], return_when=asyncio.FIRST_COMPLETED
        )
        broken = [] if self._stop.is_set() else [task for task in done if task is not stopping]
        self._stop.set()
        await self._schedule.close()
        logger.info("stopping: no new work; what is under way is finished")
        await asyncio.wait([credentials, *workers], timeout=STOP_SECONDS)
        await _cancel([stopping, credentials, *background, *workers])
        for task in broken:
            error = None if task.cancelled() else task.exception()
            logger.error("%s ended unexpectedly", task.get_name(), exc_info=error)
        logger.info("stopped")
        return 1 if broken else 0

    async def _work(self, lane: str) -> None:
        while (key := await self._schedule.take(lane)) is not None:
            if self._place(key)[0] != lane:  # what is to be done changed while it waited
                self._schedule.done(key, time.time())
                continue
            again_at: float | None = time.time() + RETRY_AFTER_DEFECT_SECONDS
            try:
                moment = await self._reconciler.reconcile(key)
                again_at = moment.timestamp() if moment is not None else None
            except asyncio.CancelledError:
                # kopf cancels, at its end, tasks that a library made on our behalf: that is not for this worker.
                if _is_cancelled():
                    raise
                again_at = time.time()
            except Exception:
                logger.exception("%s: a defect of the operator; please report it", key)
            finally:
                self._schedule.done(key, again_at)

    def _wake_soon(self, key: Key) -> None:
        self._schedule.at(key, time.time() + DELETION_SECONDS)

    def _place(self, key: Key) -> tuple[str, float]:
        now = utc_now()
        observed = self._cluster.observe(key, now)
        # An endpoint that is not allowed has no lane, whatever there is to do.
        if observed is None or not observed.endpoint_allowed:
            return NO_REQUEST, 0.0
        if policy.decide(observed, now).action is policy.Action.WAIT:
            return NO_REQUEST, 0.0
        return observed.endpoint, policy.rank(observed, now)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _cancel(tasks: Sequence[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
