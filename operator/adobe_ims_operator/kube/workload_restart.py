"""Restarting a workload, as pods that read the token from their environment never see it change.

The pod template gets an annotation of our own for each credential, so that two credentials never wait for one value,
and the value is that of one rotation: to set it again changes nothing. An Argo Rollout gets only `spec.restartAt`, as a
change of its template would begin a canary. It is derived from the time of the Secret's write, for the same reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, Key, Workload
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.restarts import FAILED, NOT_FOUND, PENDING, RESTARTED, STARTED
from adobe_ims_operator.core.workload_state import SECOND, pending, restart_at, started_with
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, UnavailableError
from adobe_ims_operator.kube.paths import secret_path, workload_path
from adobe_ims_operator.kube.secret_metadata import SecretTimes, read_times


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a restart; `uid` is that of the workload, where it was changed."""

    finding: Finding
    uid: str | None = None


async def times(kube: Kube, secret: Key) -> SecretTimes:
    """When a token Secret was made and written, by the API server's clock.

    Raises:
        ApiError: that could not be read.
    """
    return read_times((await kube.get(secret_path(secret), accept=METADATA_OBJECT))["metadata"])


async def restart(kube: Kube, secret: Key, workload: Workload, mark: tuple[str, str], now: datetime) -> Outcome:
    """Have the pods of a workload replaced.

    Args:
        secret: the token Secret, in the namespace of the workload.
        mark: an annotation's name and value, for the pod template.
    """
    try:
        if workload.kind == "Rollout":
            return await _restart_rollout(kube, secret, workload, now)
        return await _restart(kube, secret.namespace, workload, mark, now)
    except ApiError as error:
        return Outcome(_failure(workload, error))


async def look_again(kube: Kube, namespace: str, workload: Workload, known: Finding, now: datetime) -> Finding:
    """Look again at a workload that was not there, or whose pods were not replaced."""
    what = f"{workload.kind} {workload.name}"
    try:
        body = await kube.get(workload_path(namespace, workload.kind, workload.name))
    except NotFoundError as error:
        return _failure(workload, error)
    except ApiError as error:
        was = "there was no" if known.reason is NOT_FOUND else "nobody had replaced the pods of"
        return Finding(
            known.reason,
            f"{was} {what} at the latest look, and the API server did not let the operator look again "
            f"({error.answer}); it is tried again, and if this stays, grant the operator get on that kind of workload",
        )
    if known.reason is NOT_FOUND:
        return STARTED
    why = pending(workload, body, now)
    return RESTARTED if why is None else Finding(PENDING, why)


async def unneeded(kube: Kube, secret: Key, workload: Workload, created: datetime, absent: timedelta) -> Outcome | None:
    """What came of a restart that need not be asked for: no pod can have started before the token Secret was there.

    None where one is needed, or that is not known.

    Args:
        created: when the Secret was made.
        absent: for how long there had been none of its name by then.
    """
    try:
        body = await kube.get(workload_path(secret.namespace, workload.kind, workload.name))
    except NotFoundError as error:
        return Outcome(_failure(workload, error))
    except ApiError:
        return None
    return Outcome(STARTED) if started_with(body, secret.name, created, absent) else None


async def _restart(kube: Kube, namespace: str, workload: Workload, mark: tuple[str, str], now: datetime) -> Outcome:
    name, value = mark
    patch = {"spec": {"template": {"metadata": {"annotations": {name: value}}}}}
    answer = await kube.patch(workload_path(namespace, workload.kind, workload.name), patch)
    if _template_annotations(answer).get(name) != value:
        return Outcome(_ignored(workload, f"the annotation {name} in the pod template"))
    return _outcome(workload, answer, now)


async def _restart_rollout(kube: Kube, secret: Key, workload: Workload, now: datetime) -> Outcome:
    path = workload_path(secret.namespace, workload.kind, workload.name)
    try:
        written = (await times(kube, secret)).written or now
    except NotFoundError:
        return Outcome(
            Finding(FAILED, f"Secret {secret.name} went before {workload.kind} {workload.name} was restarted")
        )
    found = await kube.get(path)
    there, at = restart_at(found), written + SECOND
    if there is not None and there >= at:
        # Whoever set it restarts each pod that may have the previous token.
        why = pending(workload, found, now)
        return Outcome(RESTARTED if why is None else Finding(PENDING, why))
    version = found["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"restartAt": to_rfc3339(at)}}
    answer = await kube.patch(path, patch)
    if restart_at(answer) != at:
        return Outcome(_ignored(workload, "spec.restartAt"))
    return Outcome(RESTARTED, answer["metadata"]["uid"])


def _outcome(workload: Workload, answer: JSON, now: datetime) -> Outcome:
    why = pending(workload, answer, now)
    return Outcome(RESTARTED if why is None else Finding(PENDING, why), answer["metadata"]["uid"])


def _ignored(workload: Workload, what: str) -> Finding:
    return Finding(
        Reason.RESTART_IGNORED,
        f"something changed {what} of {workload.kind} {workload.name} as it was set, so its pods may not have been "
        "restarted; check the mutating admission webhooks and policies",
    )


def _failure(workload: Workload, error: ApiError) -> Finding:
    # Without the API server's words: a webhook may quote what it likes.
    what = f"{workload.kind} {workload.name}"
    if isinstance(error, NotFoundError):
        return Finding(NOT_FOUND, f"there is no {what}; correct or remove it in spec.restart")
    if isinstance(error, ConflictError | UnavailableError):
        return Finding(
            FAILED,
            f"the API server could not restart {what} ({error.answer}); it is tried again, and if this stays, check "
            "the admission webhooks for that kind",
        )
    refused = f"the API server refused to restart {what} ({error.answer}); "
    if isinstance(error, ForbiddenError):
        advice = (
            "the operator has the permissions only where the chart has restart.enabled=true (without Helm: "
            "deploy/restart/rbac.yaml); where it has them, check the admission policies"
        )
    else:
        advice = "check the admission policies"
    return Finding(Reason.RESTART_REFUSED, refused + advice)


def _template_annotations(workload: JSON) -> JSON:
    template: JSON = workload.get("spec", {}).get("template", {})
    return template.get("metadata", {}).get("annotations") or {}
