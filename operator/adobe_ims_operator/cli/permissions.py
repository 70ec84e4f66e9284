"""What the operator may do in the cluster, as deploy/ grants it: verb by verb.

A test holds this table to be what the chart renders.
"""

from typing import NamedTuple

from adobe_ims_operator.api.resource import GROUP, JSON, PLURAL


class Permission(NamedTuple):
    """A verb on a resource of a group; a subresource stands after a slash."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        resource, _, subresource = self.resource.partition("/")
        full = f"{resource}.{self.group}" if self.group else resource
        return f"{self.verb} {full}" + (f"/{subresource}" if subresource else "")


def _all(group: str, resource: str, *verbs: str) -> tuple[Permission, ...]:
    return tuple(Permission(group, resource, verb) for verb in verbs)


NEEDED = (
    *_all(GROUP, PLURAL, "get", "list", "watch"),
    *_all(GROUP, f"{PLURAL}/status", "patch"),
    *_all("", "secrets", "get", "list", "watch", "create", "patch", "delete"),
    *_all("events.k8s.io", "events", "create"),
)
RESTARTS = (
    *_all("apps", "deployments", "get", "patch"),
    *_all("apps", "statefulsets", "get", "patch"),
    *_all("apps", "daemonsets", "get", "patch"),
    *_all("argoproj.io", "rollouts", "get", "patch"),
)
"""Only spec.restart takes these."""
CLIENT_SECRETS = (
    *_all(GROUP, "adobeimsclientsecrets", "get", "list", "watch"),
    *_all(GROUP, "adobeimsclientsecrets/status", "patch"),
)
"""Only AdobeIMSClientSecrets take these."""
LEASE = (
    *_all("coordination.k8s.io", "leases", "create"),
    *_all("coordination.k8s.io", "leases", "get", "update"),
)
"""In the operator's own namespace; all but create for the one Lease."""

METRICS_AUTH = (
    *_all("authentication.k8s.io", "tokenreviews", "create"),
    *_all("authorization.k8s.io", "subjectaccessreviews", "create"),
)
"""In no namespace; only --metrics-auth takes these."""


def review(permission: Permission, namespace: str | None, name: str = "") -> JSON:
    """The question whether the account that asks has a permission, in a namespace or, where it is None, in all."""
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "verb": permission.verb,
        "namespace": namespace or "",
        "name": name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
