"""The product as users have it: a release of the chart, applications that use tokens, and what can be seen of them."""

import base64
import hashlib
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL
from testbed import helm
from testbed.api import Api, Object, wait_for
from testbed.helm import CHART
from testbed.image import NAME as IMAGE
from testbed.node import Node
from testbed.scene import CLIENT, manifest

APPLICATION_IMAGE = "application:local"
MOUNTED = "/var/run/adobe-ims"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
POD_SECURITY = {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# One line for each new token, which is its digest only, as logs are for everybody.
READ_FILE = f"""
while true; do
  now=$(sha256sum {MOUNTED}/access_token)
  if [ "$now" != "$last" ]; then echo "$now"; last=$now; fi
  sleep 0.1
done
"""
READ_ENVIRONMENT = """
printf %s "$access_token" | sha256sum
exec sleep 1000000
"""

MEASURED: list[str] = []
"""What the run tells at its end."""


def measure(what: str, seconds: float) -> None:
    """Keep a figure for the end of the run."""
    MEASURED.append(f"{seconds:7.2f} s  {what}")


def values(**given: Any) -> dict[str, Any]:
    """Return the chart's values for the image that was built here."""
    repository, _, tag = IMAGE.partition(":")
    return {"image": {"repository": repository, "tag": tag, "pullPolicy": "Never"}, **given}


class Release:
    """A release of the chart in a namespace of its name, at the restricted level of Pod Security."""

    def __init__(self, node: Node, api: Api, kubeconfig: Path, name: str = helm.RELEASE) -> None:
        self.name = name
        self._node = node
        self._api = api
        self._kubeconfig = kubeconfig

    def install(self, values: Mapping[str, Any]) -> None:
        """Install or upgrade it, and return when all of its pods are Ready; what an upgrade replaces may still end."""
        self._api.apply(namespace(self.name))
        flags = [f"--namespace={self.name}", "--install", "--wait", "--timeout=45s"]
        helm.run("upgrade", self.name, str(CHART), *flags, values=values, kubeconfig=self._kubeconfig)

    def pods(self, component: str = "operator") -> list[Object]:
        """Return the pods that are not on their way out."""
        return pods(self._api, self.name, f"app.kubernetes.io/component={component}")

    def leader(self) -> str:
        """Return the name of the pod that holds the Lease."""
        return self.holder().partition("_")[0]

    def holder(self) -> str:
        """Return who holds the Lease: the pod, and which of its processes. Raises AssertionError if nobody does."""
        lease = self._api.get(f"/apis/coordination.k8s.io/v1/namespaces/{self.name}/leases/{helm.RELEASE}")
        holder = str(lease["spec"].get("holderIdentity") or "")
        assert holder, lease["spec"]
        return holder

    def process_of(self, pod: str) -> int:
        """Return the process of the only container of a pod."""
        status = self._api.get(f"/api/v1/namespaces/{self.name}/pods/{pod}")["status"]["containerStatuses"][0]
        return self._node.process_id(status["containerID"])


class Applications:
    """A namespace, at the restricted level too, with credentials and those who use their tokens."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self.namespace = name
        api.apply(namespace(name))
        api.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oauth"}, "stringData": CLIENT}, namespace=name
        )

    def credential(self, name: str, *, labels: Mapping[str, str] | None = None, **spec: Any) -> None:
        """Apply a credential, whose token Secret has its name."""
        made = manifest(name, **spec)
        made["metadata"]["labels"] = dict(labels or {})
        self._api.apply(made, namespace=self.namespace)

    def take(self, name: str, source: str) -> None:
        """Apply a credential that takes the token of the one of the same name in another namespace."""
        spec = {"tokenFrom": {"namespace": source, "name": name}}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        self._api.apply(body, namespace=self.namespace)

    def reading_file(self, name: str) -> None:
        """Run the pod `name` that mounts the token Secret of that name."""
        volumes = [{"name": "ims", "secret": {"secretName": name}}]
        container = {"volumeMounts": [{"name": "ims", "mountPath": MOUNTED, "readOnly": True}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
        self._api.apply({**pod, "spec": _pod(READ_FILE, container, volumes=volumes)}, namespace=self.namespace)

    def reading_environment(self, name: str) -> None:
        """Run the Deployment `name`, which has all of the token Secret of that name in its environment."""
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": _pod(READ_ENVIRONMENT, {"envFrom": [{"secretRef": {"name": name}}]}),
        }
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        self._api.apply({**deployment, "spec": spec}, namespace=self.namespace)

    def rotate(self, name: str) -> float:
        """Ask for a rotation as a person does, and return when that was, in seconds of the epoch."""
        asked = time.time()
        self._api.patch(self._path(name), {"metadata": {"annotations": {"adobe-ims.dev/rotate": str(asked)}}})
        return asked

    def wait_rotations(self, name: str, count: int) -> float:
        """Wait until a status tells of just so many rotations; when the last of them was, in seconds of the epoch."""

        def probe() -> float:
            status = self._api.get(self._path(name)).get("status", {})
            assert status.get("rotations") == count, status
            return datetime.fromisoformat(status["lastRotationTime"]).timestamp()

        return wait_for(f"rotation {count} of {name}", probe)

    def digest(self, name: str) -> str | None:
        """Return the digest of the token in a Secret, None while there is no Secret."""
        secret = self._api.get_or_none(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        return hashlib.sha256(base64.b64decode(secret["data"]["access_token"])).hexdigest() if secret else None

    def wait_rotated(self, name: str, before: str | None, timeout: float = 30) -> str:
        """Wait until a Secret holds another token than that with the digest `before`; the digest of the new one."""

        def probe() -> str | None:
            found = self.digest(name)
            return found if found != before else None

        return wait_for(f"{name} to be rotated", probe, timeout)

    def wait_read(self, pod: str, digest: str, timeout: float = 30) -> float:
        """Wait until a pod has read the token with that digest; when it did, in seconds of the epoch."""
        return wait_for(f"{pod} to read the new token", lambda: self.read_by(pod).get(digest), timeout)

    def read_by(self, pod: str) -> dict[str, float]:
        """Return when a pod first read which token: seconds of the epoch by digests."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}"
        lines = [line.split() for line in self._api.text(f"{path}/log?timestamps=true").splitlines()]
        return {digest: datetime.fromisoformat(moment).timestamp() for moment, digest, *_ in reversed(lines)}

    def pods(self, name: str) -> list[Object]:
        """Return the pods of a Deployment that are not on their way out."""
        return pods(self._api, self.namespace, f"app={name}")

    def pod(self, name: str) -> Object:
        return self._api.get(f"/api/v1/namespaces/{self.namespace}/pods/{name}")

    def _path(self, name: str) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{PLURAL}/{name}"


def namespace(name: str) -> dict[str, Any]:
    """Return a namespace that takes restricted pods only."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}


def pods(api: Api, namespace: str, selector: str) -> list[Object]:
    """Return those that are not on their way out."""
    found = api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def ready(pod: Object) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"


def restarts(pod: Object) -> int:
    """Return how often the only container of a pod was restarted."""
    (container,) = pod["status"]["containerStatuses"]
    return int(container["restartCount"])


def _pod(script: str, container: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    usual = {"name": "app", "image": APPLICATION_IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", script]}
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": POD_SECURITY,
        "containers": [{**usual, "securityContext": CONTAINER_SECURITY, **container}],
        **spec,
    }
