"""Metrics of credentials, read off the store when somebody asks.

One credential has the same few series whatever is written in it, so a tenant makes as many as it has credentials.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adobe_ims_operator.api.reasons import Reason, parse_reason
from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Status
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.status import WORKLOADS_RESTARTED

_LABELS = ("namespace", "name")
UNKNOWN = "Unknown"
"""In place of a reason that is none of this version's: who may write a status may write any."""


class CredentialMetrics:
    """The metrics of the credentials of a store.

    Args:
        leading: whether this process leads; of one that does not, another reports the credentials.
        now: the wall clock, in UTC.
    """

    def __init__(self, store: Store, leading: Callable[[], bool], now: Callable[[], datetime]) -> None:
        self._store = store
        self._leading = leading
        self._now = now

    def seen_now(self) -> Collector:
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
        reasons = GaugeMetricFamily(
            f"{prefix}_failing_reason",
            "1 while the latest attempt to rotate failed, with the reason of the condition RotationFailing",
            labels=(*_LABELS, "reason"),
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
            if (reason := _failing_reason(status)) is not None:
                reasons.add_metric((*key, reason), 1.0)
            restart.add_metric(key, float(_fails_to_restart(status)))
            others = () if credential.spec.client is None else credential.spec.client.secret_keys[1:]
            fallback.add_metric(key, float(status.client_secret_key in others))
            if (moment := moment_or_none(status.expiration_time)) is not None:
                expiry.add_metric(key, moment.timestamp())
            if (moment := moment_or_none(status.next_rotation_time)) is not None:
                following.add_metric(key, moment.timestamp())
        yield from (ready, valid, suspended, failing, reasons, restart, fallback, expiry, following)


def _failing_reason(status: Status) -> str | None:
    failing = status.condition(ROTATION_FAILING)
    if failing is None or failing.status != "True":
        return None
    return parse_reason(failing.reason) or UNKNOWN


def _fails_to_restart(status: Status) -> bool:
    restarted = status.condition(WORKLOADS_RESTARTED)
    return restarted is not None and restarted.status == "False" and restarted.reason != Reason.RESTART_PENDING


def _holds_valid_token(status: Status, now: datetime) -> bool:
    expires_at, ready = moment_or_none(status.expiration_time), status.condition(READY)
    if expires_at is None or now >= expires_at:
        return False
    return ready is None or ready.status == "True" or ready.reason != Reason.TOKEN_MISSING
