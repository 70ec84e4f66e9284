"""The objects that benchmarks put into a cluster, and their paths."""

import base64
from typing import Any

from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET

LABEL = "bench"


def path(namespace: str, plural: str, name: str = "") -> str:
    """The path of credentials, or of a core resource, of a namespace; with a name, of that one."""
    root = f"/apis/{API_VERSION}" if plural == PLURAL else "/api/v1"
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def client_name(name: str) -> str:
    """The client Secret of a credential: each has its own."""
    return f"{name}-client"


def client_secret(name: str) -> dict[str, Any]:
    """The client Secret of a credential of that name."""
    data = {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": client_name(name)},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def credential(name: str, group: str, endpoint: str | None = None) -> dict[str, Any]:
    """A credential; those of one group share a label. Without an endpoint it has the operator's default."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "labels": {LABEL: group}},
        "spec": {"client": {"secretRef": {"name": client_name(name)}}} | ({"endpoint": endpoint} if endpoint else {}),
    }
