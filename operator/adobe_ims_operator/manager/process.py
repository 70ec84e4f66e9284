"""The process: everything put together, started in order, and stopped in order."""

import asyncio
import logging
import random
import secrets
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kubernetes.aio.client import Configuration

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.namespace_limit import NamespaceLimit
from adobe_ims_operator.cache.resync import Resync
from adobe_ims_operator.cache.secret_watch import SecretWatch
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.controller.places import most_slow, places_for
from adobe_ims_operator.kube.client import Kube, unhurried
from adobe_ims_operator.kube.event_recorder import SENDERS, Recorder
from adobe_ims_operator.kube.lease import LeaderElector
from adobe_ims_operator.kube.login import load_configuration
from adobe_ims_operator.manager import health
from adobe_ims_operator.manager.logs import introduce
from adobe_ims_operator.manager.metrics import Metrics
from adobe_ims_operator.manager.options import Options
from adobe_ims_operator.manager.replacing import Replacing
from adobe_ims_operator.manager.serving import Server
from adobe_ims_operator.manager.signals import catch, pass_over

logger = logging.getLogger(__name__)

STOP_SECONDS = 4.0
"""How long work under way may take to finish after SIGTERM; the Lease is released after it."""
CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
SAME_RESTORE_SECONDS = 60.0
"""Within which the Lease shows what the other watches noticed already."""
STANDS_STILL_SECONDS = 60.0
"""A loop that is so late hangs or has ended; all that it may wait for takes less."""


async def run(options: Options, clock: Clock = CLOCK) -> None:
    """Run the operator until SIGTERM or SIGINT.

    Args:
        clock: the wall clock, and seconds that never go back.

    Raises:
        NoClusterError: there is no cluster to work on.
        PortTakenError: metrics or health can't be served.
    """
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    where = ", ".join(options.namespaces) or "all namespaces"
    introduce(identity, where, options.selector, options.endpoints, options.proxies, options.concurrency)
    # Renewals have connections of their own, so that they never wait for other requests.
    renewals = Kube(await load_configuration(), 0, load_configuration)
    try:
        process = _Process(options, await load_configuration(), renewals, identity, clock)
        try:
            await process.run()
        finally:
            await process.close()
    finally:
        await renewals.close()


class _Process:
    def __init__(
        self, options: Options, configuration: Configuration, renewals: Kube, identity: str, clock: Clock
    ) -> None:
        self._options, self._renewals, self._clock = options, renewals, clock
        self._stop = asyncio.Event()
        self._lease = self._stand(renewals, options.lease, identity) if options.lease else None
        time_left = self._lease.time_left if self._lease else unhurried
        at_once = places_for(options.concurrency)
        working = at_once + most_slow(at_once)
        connections = 2 * at_once * len(options.endpoints.urls) + working + len(options.namespaces) + SENDERS
        if options.console_endpoint is not None:  # as many workers again, and as many watches
            connections += working + len(options.namespaces)
        self._kube = Kube(configuration, connections, load_configuration, time_left, traffic=renewals.traffic)
        self._ims = IMSClient(options.trust, options.proxies, now=clock.now)
        self._recorder = Recorder(self._kube, self._clock.now, socket.gethostname())
        self._metrics = Metrics()
        self._controller = Controller(
            self._kube,
            self._ims,
            self._recorder,
            options.endpoints,
            clock=self._clock,
            jitter=random.random,
            random_hex=lambda: secrets.token_hex(8),
            forbidden=options.forbidden,
            count=self._metrics.count_token_request,
            concurrency=options.concurrency,
            qps=options.ims_qps,
        )
        self._metrics.register(self._controller, self._is_leading, self._clock.now, self._is_served)
        self._metrics.register_traffic(self._kube.traffic)
        self._metrics.register_events(lambda: self._recorder.dropped)
        store = self._controller.store
        self._replacing = self._replace(options) if options.console_endpoint is not None else None
        self._credential_watch = CredentialWatch(
            self._kube, store, options.namespaces, options.selector, partial(catch, self._stop), random.random
        )
        self._resync = Resync(self._kube, store, self._credential_watch, options.selector, random.random)
        self._secret_watches = {
            namespace: SecretWatch(self._kube, store, namespace, random.random, on_return=self._resync.soon)
            for namespace in options.namespaces or (None,)
        }
        self._restored_at: float | None = None
        store.on_restored = self._read_again
        store.limit = NamespaceLimit(options.max_credentials)
        store.synced.is_served = self._may_be_known
        if self._lease is not None:
            self._stand_by()

    async def run(self) -> None:
        servers = self._servers()
        for server in servers:
            await server.start()
        catch(self._stop)
        # All tasks are made before kopf starts, since kopf cancels at its end what was made after its start.
        self._controller.start()
        namespaces = self._credential_watch.namespaces
        background: dict[str, Callable[[], Awaitable[None]]] = {
            "queue": self._controller.run,
            "resync": self._resync.run,
            "namespaces": lambda: namespaces.run(self._take_up_namespace),
        }
        background |= {f"events {n}": self._recorder.run for n in range(SENDERS)}
        background |= {f"watch on secrets {watch.where}": watch.run for watch in self._secret_watches.values()}
        background |= {"lease": self._lease.run} if self._lease else {}
        background |= self._replacing.start() if self._replacing else {}
        keep = self._controller.supervisor.keep
        tasks = [asyncio.create_task(keep(name, task), name=name) for name, task in background.items()]
        watching = keep("watch on credentials", self._watch_credentials, may_end=True)
        credentials = asyncio.create_task(watching, name="watch on credentials")
        await self._stop.wait()
        pass_over()
        self._credential_watch.stop()
        logger.info("stopping: no new work; what is under way is finished")
        await _within(STOP_SECONDS, self._finish(credentials))
        workers = [*self._controller.tasks, *(self._replacing.controller.tasks if self._replacing else [])]
        await _cancel([credentials, *tasks, *workers])
        if self._lease is not None:
            await self._lease.release()
        for server in servers:
            await server.stop()
        logger.info("stopped")

    async def _watch_credentials(self) -> None:
        await self._credential_watch.run()
        if not self._stop.is_set():
            raise RuntimeError("the watch on credentials ended before the process")

    async def _finish(self, credentials: asyncio.Task[None]) -> None:
        replaced = self._replacing.controller.stop() if self._replacing else asyncio.sleep(0)
        await asyncio.gather(self._controller.stop(), replaced)
        await asyncio.wait([credentials])
        await self._recorder.flush()

    async def close(self) -> None:
        """Close all connections."""
        if self._replacing is not None:
            await self._replacing.console.close()
        await self._ims.close()
        await self._kube.close()

    def _servers(self) -> list[Server]:
        ready: dict[str, health.Check] = {"credentials": self._resync.unready}
        live: dict[str, health.Check] = {
            "tasks": self._controller.supervisor.broken,
            "queue": self._queue_problem,
            "credentials": self._resync.broken,
        }
        for watch in self._secret_watches.values():
            ready[f"secrets {watch.where}"] = partial(self._why_unread, watch)
            live[f"secrets {watch.where}"] = watch.broken
        if self._lease is not None:
            live["lease"] = self._lease.broken
        return self._options.ports.servers(health.routes(live, ready), self._metrics, self._renewals)

    def _queue_problem(self) -> str | None:
        late = self._controller.queue.late
        if self._replacing is not None:
            late = max(late, self._replacing.controller.queue.late)
        return f"work is {late:.0f} s late to be handed out" if late > STANDS_STILL_SECONDS else None

    def _why_unread(self, watch: SecretWatch) -> str | None:
        """What keeps the Secrets of a namespace from being known.

        A namespace that does not answer keeps nobody waiting, unless no other answers either.
        """
        problem = watch.unready()
        if problem is None or watch.problem is None:
            return problem
        others = any(other.unready() is None for other in self._secret_watches.values())
        return health.Tolerated(f"{problem}: {watch.problem}") if others else problem

    def _is_served(self) -> dict[str, bool]:
        """Whether a named namespace can be watched."""
        problems, watches = self._credential_watch.namespaces.problems, self._secret_watches
        named = {namespace: watch for namespace, watch in watches.items() if namespace is not None}
        return {namespace: namespace not in problems and named[namespace].problem is None for namespace in named}

    def _may_be_known(self, namespace: str) -> bool:
        """Whether a namespace is watched, and what is in it is known or will be."""
        watch = self._secret_watches.get(namespace)
        if watch is None or namespace in self._credential_watch.namespaces.problems:
            return None in self._secret_watches
        return watch.problem is None or self._controller.store.has_synced(namespace)

    def _take_up_namespace(self, namespace: str) -> None:
        self._secret_watches[namespace].restart()
        self._credential_watch.restart()
        self._controller.store.enqueue_all(namespace)

    def _note_restored_lease(self) -> None:
        # The other watches may have noticed the same restore a moment ago.
        if self._restored_at is None or self._clock.monotonic() - self._restored_at > SAME_RESTORE_SECONDS:
            store = self._controller.store
            store.report_restored(store.restorations, "the version of the Lease went back")

    def _read_again(self, why: str) -> None:
        logger.warning("the API server's data was restored from a backup: %s; all is read again", why)
        self._restored_at = self._clock.monotonic()
        self._controller.forget_attempts()
        if self._replacing is not None:
            self._replacing.read_again()
        for watch in self._secret_watches.values():
            watch.restart()
        self._credential_watch.restart()

    def _is_leading(self) -> bool:
        return self._lease is None or self._lease.leading

    def _replace(self, options: Options) -> Replacing:
        replacing = Replacing.make(
            self._kube, self._ims, self._recorder, self._controller, options, self._metrics, clock=self._clock
        )
        replacements = replacing.controller.replacements
        self._metrics.register_client_secrets(replacements, self._is_leading, lambda: replacing.is_watching)
        return replacing

    def _stand(self, renewals: Kube, key: Key, identity: str) -> LeaderElector:
        return LeaderElector(
            renewals,
            key,
            identity,
            monotonic=_monotonic,
            now=self._clock.now,
            on_started_leading=self._lead,
            on_stopped_leading=self._stand_by,
            on_restored=self._note_restored_lease,
        )

    def _lead(self, *, another_led: bool) -> None:
        self._controller.resume(another_led=another_led)
        if self._replacing is not None:
            self._replacing.controller.resume(another_led=another_led)

    def _stand_by(self) -> None:
        self._controller.pause()
        if self._replacing is not None:
            self._replacing.controller.pause()


def _monotonic() -> float:
    # Unlike the usual one it goes on while the machine sleeps, when another replica may come to lead.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _within(seconds: float, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        pass


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
