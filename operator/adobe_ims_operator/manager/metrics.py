"""Metrics for Prometheus.

What is counted is counted where it happens; what can be read off the state is read when somebody asks, so that a
credential costs nothing in between. Those of credentials come from the leader only: else each would be there twice.
"""

from collections.abc import Callable, Iterator
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
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from adobe_ims_operator.api.times import from_rfc3339
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core.status import READY, ROTATION_FAILING, WORKLOADS_RESTARTED

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which nobody asks for
_LABELS = ("namespace", "name")
_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """All metrics of a process.

    Args:
        leading: whether this process leads.
        lag: for how many seconds the first of those that are due has waited for a worker.
    """

    def __init__(self, cluster: Cluster, leading: Callable[[], bool], lag: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        registry.register(_Credentials(cluster, leading))
        info = Info("adobe_ims_operator", "The version that runs", registry=registry)
        info.info({"version": version("adobe-ims-operator")})
        leader = Gauge("adobe_ims_operator_leader", "1 if this replica does the work, 0 if it waits", registry=registry)
        leader.set_function(lambda: float(leading()))
        schedule_lag = Gauge(
            "adobe_ims_operator_schedule_lag_seconds",
            "For how long the first of the credentials that are due has waited for a worker",
            registry=registry,
        )
        schedule_lag.set_function(lag)
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

    def count_token_request(self, endpoint: str, result: str, seconds: float) -> None:
        """Count a token request; `result` is Issued, or the reason why there is no token."""
        self._requests.labels(endpoint, result).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def routes(self) -> list[web.RouteDef]:
        """The route `/metrics`."""

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return [web.get("/metrics", answer)]


class _Credentials(Collector):
    def __init__(self, cluster: Cluster, leading: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._leading = leading

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        prefix = "adobe_ims_credential"
        ready = GaugeMetricFamily(f"{prefix}_ready", "1 while the Secret holds a valid token", labels=_LABELS)
        failing = GaugeMetricFamily(
            f"{prefix}_rotation_failing", "1 while the latest attempt to rotate failed", labels=_LABELS
        )
        restart = GaugeMetricFamily(
            f"{prefix}_restart_failing", "1 while workloads of spec.restart were not rolled", labels=_LABELS
        )
        expiry = GaugeMetricFamily(
            f"{prefix}_expiration_timestamp_seconds", "When the token in the Secret expires", labels=_LABELS
        )
        following = GaugeMetricFamily(
            f"{prefix}_next_rotation_timestamp_seconds", "When the next attempt to rotate is due", labels=_LABELS
        )
        for key, credential in self._cluster.credentials.items() if self._leading() else ():
            status = credential.status
            ready.add_metric(key, float(status.says(READY, "True")))
            failing.add_metric(key, float(status.says(ROTATION_FAILING, "True")))
            restart.add_metric(key, float(status.says(WORKLOADS_RESTARTED, "False")))
            if (moment := _moment(status.expiration_time)) is not None:
                expiry.add_metric(key, moment.timestamp())
            if (moment := _moment(status.next_rotation_time)) is not None:
                following.add_metric(key, moment.timestamp())
        yield from (ready, failing, restart, expiry, following)


def _moment(text: str | None) -> datetime | None:
    # The status may have been written by anybody.
    try:
        return from_rfc3339(text) if text else None
    except ValueError:
        return None
