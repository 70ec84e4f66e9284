"""What the object of a workload says: whether its pods are replaced, and whether they waited for the token Secret.

It is read as anybody may have written it: a Rollout's CRD may let anything pass.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from adobe_ims_operator.api.resource import JSON, Workload
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339

SECOND = timedelta(seconds=1)
"""How exact the times of Kubernetes are."""


def pending(workload: Workload, body: JSON, now: datetime) -> str | None:
    """Why the pods of a workload that was changed are not replaced, and what to do; None where they are."""
    if workload.kind == "Rollout":
        at = restart_at(body)
        how = (
            None
            if at is None or at <= now
            else (f"has the spec.restartAt {to_rfc3339(at)}, so its pods", "wait until then")
        )
    else:
        how = _held_back(workload.kind, body)
    if how is None:
        return None
    return f"{workload.kind} {workload.name} {how[0]} keep the previous token; {how[1]}"


def started_with(body: JSON, secret: str, secret_created: datetime, absent: timedelta) -> bool:
    """Whether no pod of a workload can have started before the token Secret was there.

    Args:
        secret: the token Secret's name.
        secret_created: its creationTimestamp.
        absent: for how long there had been no Secret of that name when it was made.
    """
    metadata = _map(body.get("metadata"))
    created = moment_or_none(metadata.get("creationTimestamp"))
    if created is None or created <= secret_created - absent + SECOND:
        return False
    # With another generation, there may be pods of an earlier template.
    return metadata.get("generation") == 1 and _needs(body, secret)


def restart_at(body: JSON) -> datetime | None:
    """When the pods of a Rollout are to have been restarted: those that are older are."""
    return moment_or_none(_map(body.get("spec")).get("restartAt"))


def _held_back(kind: str, body: JSON) -> tuple[str, str] | None:
    """What keeps the pods from being replaced, and what to do about it."""
    spec = _map(body.get("spec"))
    strategy = _map(spec.get("updateStrategy"))
    partition = _map(strategy.get("rollingUpdate")).get("partition")
    by_hand = "delete them one after the other"
    if spec.get("replicas") == 0 or _all_updated(kind, body):
        return None
    if kind == "Deployment" and spec.get("paused") is True:
        return "is paused, so its pods", "resume it with kubectl rollout resume"
    if strategy.get("type") == "OnDelete":
        return "has the update strategy OnDelete, so its pods", by_hand
    if kind == "StatefulSet" and isinstance(partition, int) and partition > 0:
        return f"has the partition {partition}, so its pods below that", f"lower it, or {by_hand}"
    return None


def _all_updated(kind: str, body: JSON) -> bool:
    status = _map(body.get("status"))
    observed, generation = status.get("observedGeneration"), _map(body.get("metadata")).get("generation")
    if not (isinstance(observed, int) and isinstance(generation, int)) or observed < generation:
        return False
    updated, all_of_them = ("updatedReplicas", "replicas")
    if kind == "DaemonSet":
        updated, all_of_them = ("updatedNumberScheduled", "desiredNumberScheduled")
    return bool(status.get(updated, 0) == status.get(all_of_them, 0))


def _needs(body: JSON, secret: str) -> bool:
    """Whether no container that reads a Secret starts without it.

    A volume holds up the whole pod, a variable only its own container (Kubernetes, "Secrets: optional Secrets").
    """
    pod = _map(_map(_map(body.get("spec")).get("template")).get("spec"))
    if any(_names(each, secret) is False for each in _volumes(pod)):
        return True
    optional = [found for each in _variables(pod) if (found := _names(each, secret)) is not None]
    optional += [found for each in _volumes(pod) if (found := _names(each, secret)) is not None]
    return bool(optional) and not any(optional)


def _names(reference: JSON, secret: str) -> bool | None:
    """Whether a reference is optional; None where it is to another Secret, or to none."""
    if secret not in (reference.get("name"), reference.get("secretName")):
        return None
    return reference.get("optional") is True


def _variables(pod: JSON) -> Iterator[JSON]:
    for container in (*_list(pod.get("containers")), *_list(pod.get("initContainers"))):
        for source in _list(container.get("envFrom")):
            yield _map(source.get("secretRef"))
        for variable in _list(container.get("env")):
            yield _map(_map(variable.get("valueFrom")).get("secretKeyRef"))


def _volumes(pod: JSON) -> Iterator[JSON]:
    for volume in _list(pod.get("volumes")):
        yield _map(volume.get("secret"))
        for source in _list(_map(volume.get("projected")).get("sources")):
            yield _map(source.get("secret"))


def _map(value: object) -> JSON:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
