"""Rolling the workloads that read the token from their environment, which a running process never sees change.

The pod template gets the annotation that `kubectl rollout restart` sets, with the time of the rotation as its value:
to set it again for the same rotation changes nothing, so a crash in between rolls nothing twice.
"""

from collections.abc import Sequence

from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.core.model import Finding
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError, UnavailableError
from adobe_ims_operator.kube.paths import workload_path

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


async def restart(kube: Kube, namespace: str, workloads: Sequence[Workload], rotated_at: str) -> Finding:
    """Roll each workload once for the rotation of `rotated_at` (RFC 3339); what came of it.

    A workload that is not there, or that the operator may not patch, holds up neither the others nor the rotation.

    Raises:
        ApiError: the API server is away; all of it may be tried again.
    """
    problems = [
        problem
        for workload in workloads
        if (problem := await _restart_one(kube, namespace, workload, rotated_at)) is not None
    ]
    if not problems:
        return Finding("Restarted", f"rolled for the rotation of {rotated_at}")
    reason = problems[0].reason if len({problem.reason for problem in problems}) == 1 else "RestartIncomplete"
    return Finding(reason, "; ".join(problem.message for problem in problems))


async def _restart_one(kube: Kube, namespace: str, workload: Workload, rotated_at: str) -> Finding | None:
    annotations = {RESTARTED_AT: rotated_at}
    patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    try:
        await kube.patch(workload_path(namespace, workload.kind, workload.name), patch)
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return Finding(
                "WorkloadNotFound", f"there is no {workload.kind} {workload.name}; mend or remove it in spec.restart"
            )
        # An InternalError is mostly that of a webhook on this workload, which holds up nothing else.
        if isinstance(error, UnavailableError) and error.reason != "InternalError":
            raise
        return Finding(
            "RestartRefused",
            f"the API server refused to roll {workload.kind} {workload.name} ({error.status} {error.reason}); "
            "check the operator's permissions and admission policies",
        )
    return None
