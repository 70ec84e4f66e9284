"""The paths of what the operator reads and writes at the API server."""

from urllib.parse import quote

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import GROUP, PLURAL, VERSION, Key, workload_api
from adobe_ims_operator.kube.errors import RefusedError


def secret_path(key: Key) -> str:
    """The path of one Secret."""
    return _path("api/v1", key.namespace, "secrets", key.name)


def secrets_path(namespace: str | None) -> str:
    """The path of the Secrets of a namespace, or of all where it is None."""
    return _path("api/v1", namespace, "secrets")


def credentials_path(namespace: str | None, name: str | None = None) -> str:
    """The path of the AdobeIMSCredentials of a namespace, or of all where it is None; with a name, of that one."""
    return _path(f"apis/{GROUP}/{VERSION}", namespace, PLURAL, name)


def client_secrets_path(namespace: str | None, name: str | None = None) -> str:
    """The path of the AdobeIMSClientSecrets of a namespace, or of all where it is None; with a name, of that one."""
    return _path(f"apis/{GROUP}/{VERSION}", namespace, CLIENT_SECRET_PLURAL, name)


def events_path(namespace: str) -> str:
    """The path of the Events of a namespace."""
    return _path("apis/events.k8s.io/v1", namespace, "events")


def workload_path(namespace: str, kind: str, name: str) -> str:
    """The path of a Deployment, StatefulSet, DaemonSet or Argo Rollout."""
    return _path(f"apis/{workload_api(kind)}", namespace, f"{kind.lower()}s", name)


def leases_path(key: Key) -> str:
    """The path of one Lease or, where it has no name, of those of a namespace."""
    return _path("apis/coordination.k8s.io/v1", key.namespace, "leases", key.name or None)


def namespace_of(path: str) -> str:
    """The namespace that a path leads into; "" where it leads into none."""
    return path.partition("/namespaces/")[2].partition("/")[0]


def _path(root: str, namespace: str | None, resource: str, name: str | None = None) -> str:
    within = "" if namespace is None else f"/namespaces/{_part(namespace)}"
    return f"/{root}{within}/{_part(resource)}" + ("" if name is None else f"/{_part(name)}")


def _part(text: str) -> str:
    # Whatever stands between two slashes: quoted dots would still be taken for a way out of the folder.
    if text in ("", ".", ".."):
        raise RefusedError(0, "Invalid", "a name or a namespace is empty or only dots")
    return quote(text, safe="")
