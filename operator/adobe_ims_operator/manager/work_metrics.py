"""Metrics of the work: queue, lanes, throttled clients, and what came of rotations, restarts, requests and Events.

All labels have values from a fixed list, or from the flags that the operator was started with.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.controller.controller import CREDENTIALS, Controller
from adobe_ims_operator.controller.replacement.controller import CLIENT_SECRETS
from adobe_ims_operator.controller.supervisor import TASKS
from adobe_ims_operator.kube.traffic import Traffic

_PREFIX = "adobe_ims_operator"
ROTATION_REASONS = (
    Reason.SECRET_MISSING,
    Reason.SECRET_TAKEN_OVER,
    Reason.FACTS_DAMAGED,
    Reason.SPEC_CHANGED,
    Reason.REQUESTED,
    Reason.CLOCK_JUMPED,
    Reason.DUE,
    Reason.SECRET_EDITED,
    Reason.CLIENT_SECRET_CHANGED,
)
"""Told as 0 from the start, since Prometheus takes no first value for an increase."""
DEFECTS_IN = (CREDENTIALS, CLIENT_SECRETS, TASKS)
RESTART_RESULTS = (
    Reason.RESTARTED,
    Reason.STARTED_WITH_TOKEN,
    Reason.WORKLOAD_NOT_FOUND,
    Reason.RESTART_REFUSED,
    Reason.RESTART_FAILED,
    Reason.RESTART_IGNORED,
    Reason.RESTART_PENDING,
)


class WorkMetrics(Collector):
    """What a controller works on, and what came of it.

    Args:
        served: whether a named namespace can be watched.
    """

    def __init__(self, controller: Controller, served: Callable[[], Mapping[str, bool]]) -> None:
        self._controller = controller
        self._served = served

    def describe(self) -> Iterator[Metric]:
        """Nothing: which metrics there are depends on the moment."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read it off the controller."""
        controller, throttles = self._controller, self._controller.throttles
        yield _gauge("queue_depth", "How many credentials wait for a worker", controller.queue.depth)
        yield _gauge("tokens_in_hand", "How many tokens wait to be written", controller.tokens_in_hand)
        depths, waits = dict[str, int](), dict[str, float]()
        for name, lane in controller.lanes.items():
            depths[name.endpoint] = depths.get(name.endpoint, 0) + lane.depth
            waits[name.endpoint] = max(waits.get(name.endpoint, 0.0), lane.oldest)
        yield _by_endpoint("lane_depth", "How many credentials wait to be asked for", depths)
        yield _by_endpoint(
            "lane_wait_seconds", "For how long the first of those that wait to be asked for has waited", waits
        )
        yield _by_endpoint(
            "throttled_credentials",
            "How many credentials wait since IMS throttles their client",
            throttles.waiting_by_endpoint,
        )
        yield _by_endpoint(
            "rate_limit",
            "How many tokens may be asked for in a second at present for clients that an endpoint throttled",
            {url: limit.per_second for url, limit in controller.probe_limits.items()},
        )
        yield _by_endpoint(
            "clock_skew_seconds", "By how much the clock of this process is ahead of that of IMS", controller.skews
        )
        watched = GaugeMetricFamily(
            f"{_PREFIX}_namespace_watched",
            "1 while a namespace that --namespace names can be watched",
            labels=("namespace",),
        )
        for namespace, is_served in self._served().items():
            watched.add_metric((namespace,), float(is_served))
        yield watched
        defects = CounterMetricFamily(
            f"{_PREFIX}_defects", "Defects of the operator, by what was worked on", labels=("work",)
        )
        for work, count in {**dict.fromkeys(DEFECTS_IN, 0), **controller.supervisor.defects}.items():
            defects.add_metric((work,), count)
        yield defects
        tally = controller.tally
        yield _by_reason(
            "adobe_ims_rotations",
            "Tokens that were written to their Secrets, by why they were asked for",
            "reason",
            {**dict.fromkeys(ROTATION_REASONS, 0), **tally.rotations},
        )
        yield _by_reason(
            "adobe_ims_restarts",
            "Attempts to restart a workload of spec.restart, by what came of them",
            "result",
            {**dict.fromkeys(RESTART_RESULTS, 0), **tally.restarts},
        )


class TrafficMetrics(Collector):
    """The requests to the API server."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Read it off the counts."""
        requests = CounterMetricFamily(f"{_PREFIX}_api_requests", "Requests to the API server", labels=("verb", "code"))
        for labels, count in self._traffic.requests.items():
            requests.add_metric(labels, count)
        refused = CounterMetricFamily(
            f"{_PREFIX}_writes_refused",
            "Writes that the API server refuses until a person mends something",
            labels=("resource", "reason"),
        )
        for labels, count in self._traffic.refused.items():
            refused.add_metric(labels, count)
        yield from (requests, refused)


class EventMetrics(Collector):
    """The Events that were not sent."""

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        """Read it off the recorder."""
        yield CounterMetricFamily(
            f"{_PREFIX}_events_dropped", "Events that were not sent, as too many waited", self._dropped()
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _by_endpoint(name: str, text: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=("endpoint",))
    for endpoint, value in values.items():
        family.add_metric((endpoint,), value)
    return family


def _by_reason(name: str, text: str, label: str, counts: Mapping[Reason, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for reason, count in counts.items():
        family.add_metric((reason,), count)
    return family
