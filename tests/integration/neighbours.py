"""More namespaces that the operator of a scene watches, whose credentials are no concern of the scene's."""

import base64
from collections.abc import Mapping

from adobe_ims_operator.api.resource import API_VERSION, PLURAL
from testbed.api import wait_for
from testbed.operator_process import grants
from testbed.scene import LABEL, Scene, manifest


class Neighbour:
    """One more namespace that the operator watches."""

    def __init__(self, scene: Scene) -> None:
        self.namespace = scene.api.create_namespace()
        self._labels = {LABEL: scene.namespace}
        self._api = scene.api
        for each in grants(self.namespace, scene.namespace):
            scene.api.apply(each)

    def client(self, client_id: str, *secrets: str) -> dict[str, object]:
        """Create a client Secret; the `client` of a spec that names it."""
        data = {"id": client_id, **{f"secret-{number}": secret for number, secret in enumerate(secrets)}}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{client_id}-oauth"}, "data": encoded}
        self._api.apply(secret, namespace=self.namespace)
        return {
            "secretRef": {"name": f"{client_id}-oauth"},
            "idKey": "id",
            "secretKeys": [key for key in data if key != "id"],
        }

    def large_client(self, client_id: str, secret: str) -> dict[str, object]:
        """Create a client Secret that takes as long to decode as any: its manager has 95,000 fields."""
        fields: dict[str, object] = {f"f:{number:06}": {} for number in range(95_000)}
        manager = {
            "manager": "kubectl",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": fields},
        }
        data = {key: base64.b64encode(value.encode()).decode() for key, value in (("id", client_id), ("key", secret))}
        metadata = {"name": f"{client_id}-oauth", "managedFields": [manager]}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self._api.post(f"/api/v1/namespaces/{self.namespace}/secrets", body)
        return {"secretRef": {"name": f"{client_id}-oauth"}, "idKey": "id", "secretKeys": ["key"]}

    def credential(self, name: str, client: dict[str, object], labels: Mapping[str, str] = {}) -> None:
        body = manifest(name, client=client)
        body["metadata"]["labels"] = {**labels, **self._labels}
        self._api.apply(body, namespace=self.namespace)

    def ready(self, name: str) -> bool:
        found = self._api.get(f"/apis/{API_VERSION}/namespaces/{self.namespace}/{PLURAL}/{name}")
        conditions = found.get("status", {}).get("conditions", [])
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def wait_until_asked(scene: Scene, client_id: str, count: int) -> None:
    """Wait for so many requests of a client at IMS."""

    def probe() -> bool:
        asked = scene.ims.requests(log=0).by_client.get(client_id, 0)
        assert asked >= count, asked
        return True

    wait_for(f"{count} requests of {client_id}", probe)
