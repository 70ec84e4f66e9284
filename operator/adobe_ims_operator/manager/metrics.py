"""Metrics for Prometheus.

What is counted is counted where it happens; what can be read off the state is read when somebody asks, so that a
credential costs nothing in between. Those of credentials come from the leader only: else each would be there twice.

Anybody may ask, and as often as they like, so one text serves all who ask within a moment. Those of credentials are
written in a thread, as they may be many.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.kube.traffic import Traffic
from adobe_ims_operator.manager.access import Access
from adobe_ims_operator.manager.client_secret_metrics import ClientSecretMetrics
from adobe_ims_operator.manager.credential_metrics import CredentialMetrics
from adobe_ims_operator.manager.serving import send
from adobe_ims_operator.manager.work_metrics import EventMetrics, TrafficMetrics, WorkMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which nobody asks for
METRICS_PATH = "/metrics"
REUSE_SECONDS = 1.0
"""For how long a text serves at least."""
WRITING_SHARE = 0.05
"""Of the time, that may be spent on writing texts."""
_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """All metrics of a process."""

    def __init__(self) -> None:
        self._credentials: CredentialMetrics | None = None
        self._text, self._good_until = b"", 0.0
        self._writing = asyncio.Lock()
        self._registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        info = Info("adobe_ims_operator", "The version that runs", registry=registry)
        info.info({"version": version("adobe-ims-operator")})
        self._requests = Counter(
            "adobe_ims_token_requests", "Token requests to IMS", ("endpoint", "result"), registry=registry
        )
        self._console = Counter(
            "adobe_ims_console_requests", "Requests to Adobe's console API", ("request", "result"), registry=registry
        )
        self._seconds = Histogram(
            "adobe_ims_token_request_duration_seconds",
            "How long IMS took to answer",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )

    def register(
        self,
        controller: Controller,
        leading: Callable[[], bool],
        now: Callable[[], datetime],
        served: Callable[[], Mapping[str, bool]],
    ) -> None:
        """Report what a controller works on.

        Args:
            leading: whether this process leads.
            now: the wall clock, in UTC.
            served: whether a named namespace can be watched.
        """
        self._credentials = CredentialMetrics(controller.store, leading, now)
        self._registry.register(WorkMetrics(controller, served))
        leader = Gauge(
            "adobe_ims_operator_leader", "1 if this replica does the work, 0 if it waits", registry=self._registry
        )
        leader.set_function(lambda: float(leading()))
        queue_lag = Gauge(
            "adobe_ims_operator_schedule_lag_seconds",
            "For how long the first of the credentials that are due has waited for a worker",
            registry=self._registry,
        )
        queue_lag.set_function(lambda: controller.queue.backlog)

    def register_client_secrets(
        self, replacements: Replacements, leading: Callable[[], bool], watching: Callable[[], bool]
    ) -> None:
        """Report the AdobeIMSClientSecrets that were seen.

        Args:
            leading: whether this process leads.
            watching: whether they can be listed and watched.
        """
        self._registry.register(ClientSecretMetrics(replacements, leading))
        watched = Gauge(
            "adobe_ims_client_secrets_watched",
            "1 while AdobeIMSClientSecrets can be listed and watched, 0 where the CRD or a permission is missing",
            registry=self._registry,
        )
        watched.set_function(lambda: float(watching()))

    def register_events(self, dropped: Callable[[], int]) -> None:
        """Report how many Events were not sent, as too many waited."""
        self._registry.register(EventMetrics(dropped))

    def register_traffic(self, traffic: Traffic) -> None:
        """Report the requests to the API server."""
        self._registry.register(TrafficMetrics(traffic))

    def count_token_request(self, endpoint: str, result: str, seconds: float) -> None:
        """Count a token request; `result` is Issued, or the reason why there is no token."""
        self._requests.labels(endpoint, result).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def count_console_request(self, request: str, result: str) -> None:
        """Count a request to the console API; `result` is Done, or the reason why it was not."""
        self._console.labels(request, result).inc()

    def routes(self, access: Access | None = None) -> list[web.RouteDef]:
        """The route `/metrics`, for all or for those to whom `access` gives it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await send(request, await self._latest(), CONTENT_TYPE_LATEST)

        return [web.get(METRICS_PATH, answer if access is None else access.guarded(answer))]

    async def _latest(self) -> bytes:
        clock = asyncio.get_running_loop().time
        async with self._writing:
            started = clock()
            if started >= self._good_until:
                self._text = await self._write()
                took = clock() - started
                self._good_until = clock() + max(REUSE_SECONDS, took / WRITING_SHARE)
        return self._text

    async def _write(self) -> bytes:
        text = generate_latest(self._registry)
        if self._credentials is None:
            return text
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._credentials.seen_now())
        return text + await asyncio.to_thread(generate_latest, registry)
