"""The paths of what the operator reads and writes at the API server."""

from urllib.parse import quote

from adobe_ims_operator.api.resource import GROUP, PLURAL, VERSION, Key


def secret_path(key: Key) -> str:
    """The path of one Secret."""
    return f"{secrets_path(key.namespace)}/{quote(key.name)}"


def secrets_path(namespace: str | None) -> str:
    """The path of the Secrets of a namespace, or of all where it is None."""
    return f"/api/v1/namespaces/{quote(namespace)}/secrets" if namespace else "/api/v1/secrets"


def credentials_path(namespace: str | None, name: str = "") -> str:
    """The path of the AdobeIMSCredentials of a namespace, or of all where it is None; with a name, of that one."""
    within = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{within}/{PLURAL}" + (f"/{quote(name)}" if name else "")


def events_path(namespace: str) -> str:
    """The path of the Events of a namespace."""
    return f"/apis/events.k8s.io/v1/namespaces/{quote(namespace)}/events"


def workload_path(namespace: str, kind: str, name: str) -> str:
    """The path of a Deployment, StatefulSet or DaemonSet."""
    return f"/apis/apps/v1/namespaces/{quote(namespace)}/{kind.lower()}s/{quote(name)}"


def leases_path(key: Key) -> str:
    """The path of one Lease or, where it has no name, of those of a namespace."""
    root = f"/apis/coordination.k8s.io/v1/namespaces/{quote(key.namespace)}/leases"
    return f"{root}/{quote(key.name)}" if key.name else root
