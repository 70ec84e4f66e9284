"""Restarting a workload, as pods that read the token from their environment never see it change.

The pod template gets an annotation of our own for each credential, so that two credentials never wait for one value,
and the value is that of one rotation: to set it again changes nothing.
"""

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, Workload
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.restarts import FAILED, NOT_FOUND, RESTARTED
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, UnavailableError
from adobe_ims_operator.kube.paths import workload_path


async def restart(kube: Kube, namespace: str, workload: Workload, mark: tuple[str, str]) -> Finding:
    """Set the mark, an annotation's name and value, in the pod template; RESTARTED, or why not."""
    name, value = mark
    patch = {"spec": {"template": {"metadata": {"annotations": {name: value}}}}}
    try:
        answer = await kube.patch(workload_path(namespace, workload.kind, workload.name), patch)
    except ApiError as error:
        return _failure(workload, error)
    if _template_annotations(answer).get(name) != value:
        return Finding(
            Reason.RESTART_IGNORED,
            f"something changed the annotation {name} in the pod template of {workload.kind} {workload.name} as it was "
            "set, so its pods may not have been restarted; check the mutating admission webhooks and policies",
        )
    return RESTARTED


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
    permissions = "the operator's permissions and " if isinstance(error, ForbiddenError) else ""
    return Finding(
        Reason.RESTART_REFUSED,
        f"the API server refused to restart {what} ({error.answer}); check {permissions}admission policies",
    )


def _template_annotations(workload: JSON) -> JSON:
    template: JSON = workload.get("spec", {}).get("template", {})
    return template.get("metadata", {}).get("annotations") or {}
