"""Metrics of AdobeIMSClientSecrets, read off what was seen when somebody asks; of the leader only."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adobe_ims_operator.api.client_secret_status import OLD_CLIENT_SECRET_IN_USE, ClientSecretStatus, Role
from adobe_ims_operator.api.reasons import parse_reason
from adobe_ims_operator.api.status import READY, ROTATION_FAILING
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.manager.credential_metrics import UNKNOWN

_LABELS = ("namespace", "name")


class ClientSecretMetrics(Collector):
    """The metrics of the objects that were seen.

    Args:
        leading: whether this process leads; of one that does not, another reports them.
    """

    def __init__(self, replacements: Replacements, leading: Callable[[], bool]) -> None:
        self._replacements = replacements
        self._leading = leading

    def describe(self) -> list[Metric]:
        """Nothing: what there is depends on who leads."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what there is of each object."""
        prefix = "adobe_ims_client_secret"
        ready = GaugeMetricFamily(
            f"{prefix}_ready", "1 while the managed Secret holds a client secret that IMS accepts", labels=_LABELS
        )
        failing = GaugeMetricFamily(
            f"{prefix}_rotation_failing",
            "1 while the latest attempt to replace the client secret failed, or nothing may be attempted",
            labels=_LABELS,
        )
        reasons = GaugeMetricFamily(
            f"{prefix}_failing_reason",
            "1 while that is so, with the reason of the condition RotationFailing",
            labels=(*_LABELS, "reason"),
        )
        old = GaugeMetricFamily(
            f"{prefix}_old_in_use", "1 while somebody still uses the old client secret", labels=_LABELS
        )
        suspended = GaugeMetricFamily(f"{prefix}_suspended", "1 while replacement is suspended", labels=_LABELS)
        expiry = GaugeMetricFamily(
            f"{prefix}_expiration_timestamp_seconds",
            "When the client secret in use expires; absent where it never does",
            labels=_LABELS,
        )
        following = GaugeMetricFamily(
            f"{prefix}_next_rotation_timestamp_seconds",
            "When the client secret in use is due to be replaced",
            labels=_LABELS,
        )
        failures = GaugeMetricFamily(f"{prefix}_failures", "Attempts that failed in a row", labels=_LABELS)
        seen = tuple(self._replacements.resources.items()) if self._leading() else ()
        for key, resource in seen:
            status = resource.status
            ready.add_metric(key, float(status.says(READY, "True")))
            failing.add_metric(key, float(status.says(ROTATION_FAILING, "True")))
            if (reason := _failing_reason(status)) is not None:
                reasons.add_metric((*key, reason), 1.0)
            old.add_metric(key, float(status.says(OLD_CLIENT_SECRET_IN_USE, "True")))
            suspended.add_metric(key, float(resource.spec.suspend))
            if (moment := moment_or_none(_expires_at(status))) is not None:
                expiry.add_metric(key, moment.timestamp())
            if (moment := moment_or_none(status.next_rotation_time)) is not None:
                following.add_metric(key, moment.timestamp())
            failures.add_metric(key, float(status.failures or 0))
        yield from (ready, failing, reasons, old, suspended, expiry, following, failures)


def _failing_reason(status: ClientSecretStatus) -> str | None:
    failing = status.condition(ROTATION_FAILING)
    if failing is None or failing.status != "True":
        return None
    return parse_reason(failing.reason) or UNKNOWN


def _expires_at(status: ClientSecretStatus) -> str | None:
    return next((listed.expires_at for listed in status.client_secrets if listed.role is Role.CURRENT), None)
