"""Asks the API server whose a bearer token is, and whether its holder may read a path."""

from adobe_ims_operator.kube.answers import JSONObject, check_mapping
from adobe_ims_operator.kube.client import Kube

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


async def review_token(kube: Kube, token: str) -> JSONObject | None:
    """The user whose token it is, as the `status.user` of a TokenReview; None where it is nobody's.

    Raises:
        ApiError: the API server does not say.
    """
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = check_mapping((await kube.review(TOKEN_REVIEWS, body)).get("status"))
    return check_mapping(status.get("user")) if status.get("authenticated") is True else None


async def may_get(kube: Kube, user: JSONObject, path: str) -> bool:
    """Whether a user may get a path that is no resource, by a SubjectAccessReview.

    Raises:
        ApiError: the API server does not say.
    """
    who = {"user": user.get("username"), **{name: user[name] for name in ("uid", "groups", "extra") if user.get(name)}}
    spec = {**who, "nonResourceAttributes": {"path": path, "verb": "get"}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    status = check_mapping((await kube.review(ACCESS_REVIEWS, body)).get("status"))
    return status.get("allowed") is True and status.get("denied") is not True
