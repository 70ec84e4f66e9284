"""Whether the API server has the kind that is watched: a watch of one that it does not know would end kopf."""

from adobe_ims_operator.api.resource import GROUP, PLURAL, VERSION
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import NotFoundError


async def why_no_crd(kube: Kube) -> str | None:
    """What to do about a CRD that is not there; None where it is.

    Raises:
        ApiError: the API server does not say.
    """
    try:
        found = (await kube.read(f"/apis/{GROUP}/{VERSION}")).get("resources")
    except NotFoundError:
        found = None
    listed = found if isinstance(found, list) else []
    if any(isinstance(resource, dict) and resource.get("name") == PLURAL for resource in listed):
        return None
    return f"the CRD {PLURAL}.{GROUP} is not installed yet (kubectl apply -f deploy/crds/)"
