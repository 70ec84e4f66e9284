"""Metrics for Prometheus.

What is counted is counted where it happens; what can be read off the state is read when somebody asks, so that a
credential costs nothing in between. Those of credentials come from the leader only: else each would be there twice.

Anybody may ask, and as often as they like, so one text serves all who ask within a moment. Those of credentials are
written in a thread, as they may be many.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.core.status import READY, ROTATION_FAILING, WORKLOADS_RESTARTED
from adobe_ims_operator.manager.serving import send

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which nobody asks for
_LABELS = ("namespace", "name")
REUSE_SECONDS = 1.0
"""For how long a text serves at least."""
WRITING_SHARE = 0.05
"""Of the time, that may be spent on writing texts."""
_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """All metrics of a process."""

    def __init__(self) -> None:
        self._credentials: _Credentials | None = None
        self._text, self._good_until = b"", 0.0
        self._writing = asyncio.Lock()
        self._registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        info = Info("adobe_ims_operator", "The version that runs", registry=registry)
        info.info({"version": version("adobe-ims-operator")})
        self._requests = Counter(
            "adobe_ims_token_requests", "Token requests to IMS", ("endpoint", "result"), registry=registry
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
        self._credentials = _Credentials(controller.store, leading, now)
        self._registry.register(_Work(controller, served))
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

    def register_events(self, dropped: Callable[[], int]) -> None:
        """Report how many Events were not sent, as too many waited."""
        self._registry.register(_Events(dropped))

    def count_token_request(self, endpoint: str, result: str, seconds: float) -> None:
        """Count a token request; `result` is Issued, or the reason why there is no token."""
        self._requests.labels(endpoint, result).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def routes(self) -> list[web.RouteDef]:
        """The route `/metrics`."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await send(request, await self._latest(), CONTENT_TYPE_LATEST)

        return [web.get("/metrics", answer)]

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


class _Work(Collector):
    def __init__(self, controller: Controller, served: Callable[[], Mapping[str, bool]]) -> None:
        self._controller = controller
        self._served = served

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        prefix, controller = "adobe_ims_operator", self._controller
        yield GaugeMetricFamily(
            f"{prefix}_queue_depth", "How many credentials wait for a worker", value=controller.queue.depth
        )
        yield GaugeMetricFamily(
            f"{prefix}_tokens_in_hand", "How many tokens wait to be written", value=controller.tokens_in_hand
        )
        lanes = GaugeMetricFamily(
            f"{prefix}_lane_depth", "How many credentials wait to be asked for", labels=("endpoint",)
        )
        for endpoint, lane in controller.lanes.items():
            lanes.add_metric((endpoint,), lane.depth)
        skew = GaugeMetricFamily(
            f"{prefix}_clock_skew_seconds",
            "By how much the clock of this process is ahead of that of IMS",
            labels=("endpoint",),
        )
        for endpoint, seconds in controller.skews.items():
            skew.add_metric((endpoint,), seconds)
        watched = GaugeMetricFamily(
            f"{prefix}_namespace_watched",
            "1 while a namespace that --namespace names can be watched",
            labels=("namespace",),
        )
        for namespace, is_served in self._served().items():
            watched.add_metric((namespace,), float(is_served))
        yield from (lanes, skew, watched)


class _Events(Collector):
    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "adobe_ims_operator_events_dropped", "Events that were not sent, as too many waited", self._dropped()
        )


class _Credentials:
    def __init__(self, store: Store, leading: Callable[[], bool], now: Callable[[], datetime]) -> None:
        self._store = store
        self._leading = leading
        self._now = now

    def seen_now(self) -> "_SeenCredentials":
        """The credentials as they are now; what happens to them later does not show."""
        return _SeenCredentials(tuple(self._store.credentials.items()) if self._leading() else (), self._now())


class _SeenCredentials(Collector):
    def __init__(self, seen: Sequence[tuple[Key, Credential]], now: datetime) -> None:
        self._seen = seen
        self._now = now

    def collect(self) -> Iterator[Metric]:
        prefix = "adobe_ims_credential"
        ready = GaugeMetricFamily(
            f"{prefix}_ready", "1 while the Secret holds a valid token of the present spec", labels=_LABELS
        )
        valid = GaugeMetricFamily(
            f"{prefix}_token_valid",
            "1 while the Secret holds a token that is valid now, whatever spec it was made from",
            labels=_LABELS,
        )
        suspended = GaugeMetricFamily(f"{prefix}_suspended", "1 while rotation is suspended", labels=_LABELS)
        failing = GaugeMetricFamily(
            f"{prefix}_rotation_failing", "1 while the latest attempt to rotate failed", labels=_LABELS
        )
        restart = GaugeMetricFamily(
            f"{prefix}_restart_failing", "1 while workloads of spec.restart could not be rolled", labels=_LABELS
        )
        fallback = GaugeMetricFamily(
            f"{prefix}_fallback_client_secret",
            "1 while the token was given for another client secret than the first of spec.client.secretKeys",
            labels=_LABELS,
        )
        expiry = GaugeMetricFamily(
            f"{prefix}_expiration_timestamp_seconds", "When the token in the Secret expires", labels=_LABELS
        )
        following = GaugeMetricFamily(
            f"{prefix}_next_rotation_timestamp_seconds", "When the next attempt to rotate is due", labels=_LABELS
        )
        for key, credential in self._seen:
            status = credential.status
            ready.add_metric(key, float(status.says(READY, "True")))
            valid.add_metric(key, float(_holds_valid_token(status, self._now)))
            suspended.add_metric(key, float(credential.spec.suspend))
            failing.add_metric(key, float(status.says(ROTATION_FAILING, "True")))
            restart.add_metric(key, float(_fails_to_restart(status)))
            fallback.add_metric(key, float(status.client_secret_key in credential.spec.client.secret_keys[1:]))
            if (moment := moment_or_none(status.expiration_time)) is not None:
                expiry.add_metric(key, moment.timestamp())
            if (moment := moment_or_none(status.next_rotation_time)) is not None:
                following.add_metric(key, moment.timestamp())
        yield from (ready, valid, suspended, failing, restart, fallback, expiry, following)


def _fails_to_restart(status: Status) -> bool:
    restarted = status.condition(WORKLOADS_RESTARTED)
    return restarted is not None and restarted.status == "False" and restarted.reason != Reason.RESTART_PENDING


def _holds_valid_token(status: Status, now: datetime) -> bool:
    expires_at, ready = moment_or_none(status.expiration_time), status.condition(READY)
    if expires_at is None or now >= expires_at:
        return False
    return ready is None or ready.status == "True" or ready.reason != Reason.TOKEN_MISSING
