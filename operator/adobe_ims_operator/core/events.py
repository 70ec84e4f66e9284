"""Kubernetes Events: one for each change of state that a person may want to know of, none for routine.

What is worth an Event is derived from the status before and after, so nothing else remembers what was sent. A
rotation that went as planned, and a retry that failed as the one before, show in status and metrics alone.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import API_VERSION, KIND, ROTATE_ANNOTATION, Key, Workload, workload_api
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition, Status
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.restarts import Rotation
from adobe_ims_operator.core.status import MANAGED_TOO
from adobe_ims_operator.core.taking import request_refused

MOST_NOTE = 1024
"""Bytes that the API server takes for the text of an Event (events.k8s.io/v1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `warning` where somebody may have to do something."""

    reason: str
    note: str
    warning: bool
    logged: bool = False
    """Whether the log has it already, from where it happened."""
    related: "Regarding | None" = None
    """What it happened for, where that is another object."""
    occasion: str = ""
    """What it happens once for: an Event of the same reason and occasion is not sent a second time."""

    def shortened(self) -> "Event":
        """The same with as much of its note as the API server takes."""
        return replace(self, note=self.note.encode()[:MOST_NOTE].decode(errors="ignore"))


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about: what is kept of it while the Event waits to be sent."""

    key: Key
    uid: str
    api_version: str = API_VERSION
    kind: str = KIND


def derive(
    before: Status, after: Status, secret_keys: Sequence[str], logged: Collection[str] = frozenset()
) -> list[Event]:
    """The Events for the change from one status to the next.

    Args:
        secret_keys: `spec.client.secretKeys`, in their order.
        logged: messages of attempts that failed, which were logged when they did.
    """
    found = [_of_failure(before, after, logged), _of_lost_token(before, after)]
    found += [_of_recovery(before, after), _of_client_secret(before, after, secret_keys)]
    found += [_of_refused_request(before, after)]
    found += [_of_suspension(before, after), _of_restart(before, after), _of_adoption(before, after)]
    return [event for event in found if event is not None]


def to_json(event: Event, regarding: Regarding, happened_at: datetime, instance: str) -> dict[str, Any]:
    """Write an Event about an object as the API server takes it.

    Args:
        happened_at: in UTC.
        instance: which process sends it.
    """
    key = regarding.key
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": key.namespace, **_name(event, regarding)},
        "eventTime": happened_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "reportingController": f"adobe-ims.dev/{FIELD_MANAGER}",
        "reportingInstance": instance[:128],
        "action": "Rotate" if event.related is None else "Restart",
        "reason": event.reason,
        "note": event.shortened().note,
        "type": "Warning" if event.warning else "Normal",
        "regarding": _reference(regarding),
    } | ({} if event.related is None else {"related": _reference(event.related)})


def of_write(observed: Observed, written: Facts, need: Finding) -> list[Event]:
    """The Events for a token that was written: that the Secret was healed, and that a request was answered."""
    name, before = observed.spec.secret.name, observed.credential.status
    had_one = before.last_rotation_time is not None and before.secret_name == name
    found: list[tuple[Reason, str]] = []
    if need.reason is Reason.SECRET_MISSING and had_one:
        found.append((need.reason, f"Secret {name} was deleted; it is there again, with a new token"))
    if need.reason in (Reason.SECRET_EDITED, Reason.FACTS_DAMAGED):
        found.append((need.reason, f"{need.message}; Secret {name} holds a new token now"))
    answered = "" if observed.facts is None else observed.facts.rotate_request
    if observed.facts is not None and written.rotate_request not in ("", answered):
        note = f"rotated on request, by the annotation {ROTATE_ANNOTATION}: {written.rotate_request}"
        found.append((Reason.REQUESTED, note))
    # What wrote the token logged it.
    return [Event(reason, note, warning=False, logged=True) for reason, note in found]


def of_restart(credential: Regarding, rotation: Rotation, finding: Finding) -> Event:
    """The Event for a workload that was restarted, or whose pods wait for somebody; once for each rotation."""
    of = f"for the rotation of {to_rfc3339(rotation.issued_at)} of {KIND} {credential.key.name}"
    note = f"{finding.message or 'its pods are replaced'}; {of}, whose spec.restart names it"
    occasion = f"{credential.uid} {rotation.id}"
    return Event(finding.reason, note, warning=False, related=credential, occasion=occasion)


def of_workload(workload: Workload, namespace: str, uid: str) -> Regarding:
    """A workload as an Event is about it."""
    return Regarding(Key(namespace, workload.name), uid, workload_api(workload.kind), workload.kind)


def _name(event: Event, regarding: Regarding) -> dict[str, str]:
    name = regarding.key.name[:200]
    if not event.occasion:
        return {"generateName": f"{name}-"}
    # The API server refuses a second one: a crash repeats what the status does not have yet.
    text = f"{regarding.kind} {regarding.uid} {event.reason} {event.occasion}"
    return {"name": f"{name}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"}


def _reference(regarding: Regarding) -> dict[str, str]:
    return {
        "apiVersion": regarding.api_version,
        "kind": regarding.kind,
        "name": regarding.key.name,
        "namespace": regarding.key.namespace,
        "uid": regarding.uid,
    }


def _of_failure(before: Status, after: Status, logged: Collection[str]) -> Event | None:
    old, new = before.condition(ROTATION_FAILING), after.condition(ROTATION_FAILING)
    if new is None or new.status != "True":
        return None
    if old is not None and old.status == new.status and (old.reason == new.reason or _both_pass(old, new)):
        return None
    return Event(new.reason, new.message, warning=True, logged=new.message in logged)


def _of_lost_token(before: Status, after: Status) -> Event | None:
    old, new = before.condition(READY), after.condition(READY)
    if old is None or new is None or new.status != "False":
        return None
    reason = new.reason
    if reason == Reason.SUSPENDED:
        reason = Reason.EXPIRED if _lost_by_expiry(after, new) else Reason.TOKEN_MISSING
    # An older version says by another reason that a token expired.
    reported = old.status == "False" and (
        reason != Reason.EXPIRED or old.reason in (Reason.EXPIRED, Reason.SUSPENDED) or _lost_by_expiry(before, old)
    )
    return None if reported else Event(reason, new.message, warning=True)


def _lost_by_expiry(status: Status, ready: Condition) -> bool:
    # Both are RFC 3339 in UTC with whole seconds, so they compare as text.
    return status.expiration_time is not None and status.expiration_time <= (ready.last_transition_time or "")


def _both_pass(old: Condition, new: Condition) -> bool:
    # An IMS in trouble may fail in another way at each retry.
    return {old.reason, new.reason} <= {Reason.IMS_UNAVAILABLE, Reason.IMS_RATE_LIMITED, Reason.IMS_RESPONSE_INVALID}


def _of_recovery(before: Status, after: Status) -> Event | None:
    ready, failing = after.condition(READY), after.condition(ROTATION_FAILING)
    if ready is None or failing is None or (ready.status, failing.status) != ("True", "False"):
        return None
    if before.says(READY, "True") and not before.says(ROTATION_FAILING, "True"):
        return None
    # What wrote the token logged it.
    written = _has_rotated(before, after)
    note = f"{ready.message}; it expires at {after.expiration_time}"
    return Event(Reason.ROTATED, note, warning=False, logged=written)


def _has_rotated(before: Status, after: Status) -> bool:
    return (before.rotations, before.last_rotation_time) != (after.rotations, after.last_rotation_time)


def _of_client_secret(before: Status, after: Status, secret_keys: Sequence[str]) -> Event | None:
    old, new = before.client_secret_key, after.client_secret_key
    if new is None or old == new or new not in secret_keys:
        return None
    if old is not None and not _has_rotated(before, after):
        return None  # the same client secret stands under another key now
    earlier = secret_keys[: secret_keys.index(new)]
    if old is None:
        if not earlier:
            return None
        keys = " and ".join(earlier)
        note = f"IMS accepts no client secret under {keys}, or there is none; the one under {new} is used instead"
        return Event(Reason.CLIENT_SECRET_STOPPED, note, warning=True)
    if old in earlier:
        note = (
            f"the client secret under the key {old} is gone, or IMS no longer accepts it; the one under {new} is used"
        )
        return Event(Reason.CLIENT_SECRET_STOPPED, note, warning=True)
    note = f"IMS accepts the client secret under the key {new}; it is used now"
    return Event(Reason.CLIENT_SECRET_WORKS, note, warning=False)


def _of_adoption(before: Status, after: Status) -> Event | None:
    old, new = before.condition(READY), after.condition(READY)
    if new is None or MANAGED_TOO not in new.message or (old is not None and MANAGED_TOO in old.message):
        return None
    if before.last_rotation_time == after.last_rotation_time:
        return None  # taken over long ago, by a version that did not say so
    return Event(Reason.SECRET_MANAGED_TWICE, new.message, warning=True)


def _of_refused_request(before: Status, after: Status) -> Event | None:
    request = after.last_handled_rotate_request
    if after.source is None or request in (None, before.last_handled_rotate_request):
        return None
    return Event(Reason.REQUEST_REFUSED, request_refused(after.source), warning=True)


def _of_suspension(before: Status, after: Status) -> Event | None:
    old, new = before.condition(ROTATION_FAILING), after.condition(ROTATION_FAILING)
    if new is None or new.reason != Reason.SUSPENDED or (old is not None and old.reason == Reason.SUSPENDED):
        return None
    return Event(Reason.SUSPENDED, new.message, warning=False)


def _of_restart(before: Status, after: Status) -> Event | None:
    old, new = before.condition("WorkloadsRestarted"), after.condition("WorkloadsRestarted")
    if (
        new is None
        or new.status == "True"
        or (old is not None and (old.status, old.message) == (new.status, new.message))
    ):
        return None
    return Event(new.reason, new.message, warning=new.reason != Reason.RESTART_PENDING)
