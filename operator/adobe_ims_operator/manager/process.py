"""The process: everything put together, started in order, and stopped in order."""

import asyncio
import logging
import random
import signal
import socket
import ssl
import time
import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from kubernetes.aio.client import Configuration

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.rate import RateLimit
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.resync import Sweep
from adobe_ims_operator.cache.secret_watch import SecretWatch
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.controller.fetch import Fetcher
from adobe_ims_operator.controller.queue import Place, Schedule
from adobe_ims_operator.controller.reconcile import Reconciler, utc_now
from adobe_ims_operator.controller.report import Reporter
from adobe_ims_operator.controller.tasks import steadily
from adobe_ims_operator.controller.workers import IN_ORDER, NO_REQUEST, Workers, place
from adobe_ims_operator.core.forbidden import Forbidden
from adobe_ims_operator.kube.client import Kube, unhurried
from adobe_ims_operator.kube.lease import LeaderElector
from adobe_ims_operator.kube.login import load_configuration
from adobe_ims_operator.kube.recorder import SENDERS, Recorder
from adobe_ims_operator.manager import health
from adobe_ims_operator.manager.metrics import Metrics
from adobe_ims_operator.manager.serving import Server

logger = logging.getLogger(__name__)

STOP_SECONDS = 4.0
"""How long work under way may take to finish after SIGTERM; the Lease is released after it."""
DELETION_SECONDS = 1.0
"""How long after the deletion of a Secret to look at who used it."""
STANDS_STILL_SECONDS = 60.0
"""A loop that is so late hangs or has ended; all that it may wait for takes less."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; nothing is served on a port that is 0."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    forbidden: Forbidden
    namespaces: Sequence[str] = ()
    selector: str | None = None
    concurrency: int = 32
    ims_qps: float = 50.0
    lease: Key | None = None
    """The Lease that tells which of several replicas leads; None where there is but one."""
    metrics_port: int = 0
    health_port: int = 0


async def run(options: Options) -> int:
    """Run the operator until SIGTERM or SIGINT; the exit code.

    Raises:
        NoClusterError: there is no cluster to work on.
        PortTakenError: metrics or health can't be served.
    """
    # Renewals have connections of their own, so that they never wait for other requests.
    renewals = Kube(await load_configuration(), 0, load_configuration)
    try:
        process = _Process(options, await load_configuration(), renewals)
        try:
            return await process.run()
        finally:
            await process.close()
    finally:
        await renewals.close()


class _Process:
    def __init__(self, options: Options, configuration: Configuration, renewals: Kube) -> None:
        self._options = options
        self._stop = asyncio.Event()
        self._schedule: Schedule[Key] = Schedule(time.time, time.monotonic, self._place)
        self._cluster = Cluster(options.endpoints, self._schedule.now, self._wake_soon, self._forget, options.forbidden)
        self._lease = self._stand(renewals, options.lease) if options.lease else None
        time_left = self._lease.time_left if self._lease else unhurried
        asking = options.concurrency * len(options.endpoints.urls)
        connections = asking + options.concurrency + len(options.namespaces)
        self._kube = Kube(configuration, connections, load_configuration, time_left)
        self._ims = IMSClient(options.trust)
        self._metrics = Metrics(
            self._cluster, lambda: self._lease is None or self._lease.leading, lambda: self._schedule.backlog
        )
        fetcher = Fetcher(
            self._ims,
            options.endpoints,
            {url: RateLimit(options.ims_qps, time.monotonic) for url in options.endpoints.urls},
            utc_now,
            time.monotonic,
            permit=time_left,
            count=self._metrics.count_token_request,
        )
        self._recorder = Recorder(self._kube, utc_now, socket.gethostname())
        reporter = Reporter(self._cluster, self._kube, self._recorder, utc_now)
        reconciler = Reconciler(self._cluster, self._kube, fetcher, reporter, utc_now, random.random)
        self._workers = Workers(self._schedule, self._where, reconciler.reconcile, options.concurrency)
        self._secret_watches = [
            SecretWatch(self._kube, self._cluster, namespace, random.random)
            for namespace in options.namespaces or (None,)
        ]
        self._credential_watch = CredentialWatch(
            self._kube, self._cluster, options.namespaces, options.selector, self._catch_signals, random.random
        )
        self._sweep = Sweep(
            self._kube, self._cluster, self._credential_watch, options.namespaces, options.selector, random.random
        )

    async def run(self) -> int:
        servers = self._servers()
        for server in servers:
            await server.start()
        self._catch_signals()
        where = ", ".join(self._options.namespaces) or "all namespaces"
        logger.info("watching %s; endpoints: %s", where, ", ".join(self._options.endpoints.urls))
        # All tasks are made before kopf starts, since kopf cancels at its end what was made after its start.
        workers = self._workers.start((NO_REQUEST, *self._options.endpoints.urls))
        background = {"schedule": self._schedule.run, "sweep": self._sweep.run}
        background |= {f"events {n}": self._recorder.run for n in range(SENDERS)}
        background |= {f"secret watch {n}": watch.run for n, watch in enumerate(self._secret_watches)}
        background |= {"lease": self._lease.run} if self._lease else {}
        tasks = [asyncio.create_task(steadily(task), name=name) for name, task in background.items()]
        credentials = asyncio.create_task(self._credential_watch.run(), name="credential watch")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        done, _ = await asyncio.wait([stopping, credentials, *tasks, *workers], return_when=asyncio.FIRST_COMPLETED)
        broken = [] if self._stop.is_set() else [task for task in done if task is not stopping]
        self._credential_watch.stop()
        await self._workers.close()
        logger.info("stopping: no new work; what is under way is finished")
        await _within(STOP_SECONDS, self._finish(credentials, *workers))
        await _cancel([stopping, credentials, *tasks, *workers])
        if self._lease is not None:
            await self._lease.release()
        for server in servers:
            await server.stop()
        for task in broken:
            error = None if task.cancelled() else task.exception()
            logger.error("%s ended unexpectedly", task.get_name(), exc_info=error)
        logger.info("stopped")
        return 1 if broken else 0

    async def _finish(self, *tasks: asyncio.Task[None] | asyncio.Task[bool]) -> None:
        await asyncio.wait(tasks)
        await self._recorder.flush()

    async def close(self) -> None:
        """Close all connections."""
        await self._ims.close()
        await self._kube.close()

    def _servers(self) -> list[Server]:
        ready: dict[str, health.Check] = {"credentials": self._sweep.unready}
        live: dict[str, health.Check] = {"schedule": self._schedule_problem, "credentials": self._sweep.broken}
        for watch in self._secret_watches:
            ready[f"secrets {watch.where}"] = watch.unready
            live[f"secrets {watch.where}"] = watch.broken
        if self._lease is not None:
            live["lease"] = self._lease.broken
        ports = {self._options.health_port: health.routes(live, ready)}
        ports.setdefault(self._options.metrics_port, []).extend(self._metrics.routes())
        return [Server(port, routes) for port, routes in ports.items() if port]

    def _schedule_problem(self) -> str | None:
        late = self._schedule.late
        return f"work is {late:.0f} s late to be handed out" if late > STANDS_STILL_SECONDS else None

    def _stand(self, renewals: Kube, key: Key) -> LeaderElector:
        self._schedule.pause()
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        return LeaderElector(
            renewals,
            key,
            identity,
            steady=_steady,
            now=utc_now,
            on_started_leading=self._lead,
            on_stopped_leading=self._schedule.pause,
        )

    def _lead(self, *, another_led: bool) -> None:
        if another_led:
            self._cluster.recall()
        self._schedule.resume()

    def _wake_soon(self, key: Key) -> None:
        self._schedule.at(key, time.time() + DELETION_SECONDS)

    def _forget(self, key: Key) -> None:
        self._schedule.discard(key)
        self._workers.forget(key)

    def _place(self, key: Key) -> Place:
        return self._workers.place(key)

    def _where(self, key: Key) -> Place:
        try:
            now = utc_now()
            return place(self._cluster.observe(key, now), now)
        except Exception:
            logger.exception("%s: a defect of the operator; please report it", key)
            return IN_ORDER

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)


def _steady() -> float:
    # Unlike the usual one it goes on while the machine sleeps, when another replica may come to lead.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _within(seconds: float, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        pass


async def _cancel(tasks: Sequence[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
