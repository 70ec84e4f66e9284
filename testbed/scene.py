"""One namespace with its operator and its IMS: what an integration test plays in.

The operator is a real process under a service account that may do in this namespace what deploy/ grants,
so that tests do not see each other; IMS is a stand-in that counts from zero, so that counts are this test's.
"""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import Api, ApiError, Object, audit_lines, audit_requests, wait_for
from testbed.control_plane import ControlPlane
from testbed.operator_process import ACCOUNT, Operator, create_account, grants_everywhere
from testbed.stale_api import StaleApi
from testbed.stand_in import StandIn

UNREPORTED = {"observedGeneration": -1}
"""The status of a credential that no operator has reported on."""
LABEL = "scene"
"""Of the credentials that an operator of all namespaces serves; its value is the namespace of the scene."""
CLIENT = {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}


class Scene:
    """The namespace `namespace`; nothing is in it but what a test puts there."""

    def __init__(self, control_plane: ControlPlane, api: Api, ims: StandIn, folder: Path) -> None:
        self.control_plane = control_plane
        self.api = api
        self.ims = ims
        self.namespace = api.create_namespace()
        self._kubeconfig = create_account(api, control_plane.kubeconfig, self.namespace, folder)
        self.log = folder / "operator.log"
        self._operators: list[Operator] = []

    def replica(self, name: str, *arguments: str, proxy: StaleApi | None = None, clock: Path | None = None) -> Operator:
        """Start one of several operators of this namespace, of which one leads; each has a log of its own.

        `proxy` stands between it and the API server. `clock` is a file with its offset.
        """
        flags = ("--leader-elect", "--lease-namespace", self.namespace, *arguments)
        log = self.log.with_name(f"{name}.log")
        return self.operator(*flags, environment=self._by(proxy), log=log, clock=clock)

    def operator(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        log: Path | None = None,
        trusting: bool = True,
        clock: Path | None = None,
        warm: bool = True,
        everywhere: bool = False,
    ) -> Operator:
        """Start the operator for this namespace, with this scene's IMS as its endpoint unless `arguments` name one.

        Where it watches `everywhere`, that is credentials with the label `LABEL` of this scene's namespace: other tests
        leave some behind.

        It trusts the authority of that IMS, unless it is not `trusting`. `clock` is a file with its offset. Its imports
        are made already, unless it is not `warm`.
        """
        endpoint = () if "--endpoint" in arguments else ("--endpoint", self.ims.url)
        authority = ("--ims-ca-file", str(self.ims.ca)) if trusting and self.ims.ca else ()
        if everywhere:
            for each in grants_everywhere(self.namespace):
                self.api.apply(each)
        watched = ("--selector", f"{LABEL}={self.namespace}") if everywhere else ("--namespace", self.namespace)
        flags = (*watched, *endpoint, *authority, "--log-level", "debug", *arguments)
        # To read all the usual authorities takes 60 ms of CPU; this one is of no IMS.
        variables = {"SSL_CERT_FILE": str(self.control_plane.files.ca), **(environment or {})}
        return self._start(Operator(self._kubeconfig, log or self.log, flags, variables, clock, warm=warm))

    def operator_by(self, proxy: StaleApi, *arguments: str) -> Operator:
        """Start the operator with the API server behind `proxy`."""
        return self.operator(*arguments, environment=self._by(proxy))

    def _by(self, proxy: StaleApi | None) -> dict[str, str] | None:
        if proxy is None:
            return None
        return {"KUBECONFIG": str(proxy.kubeconfig(self._kubeconfig, self.log.with_name("by-proxy")))}

    def _start(self, operator: Operator) -> Operator:
        operator.start()
        self._operators.append(operator)
        return operator

    def kill_operators(self) -> None:
        """End the operators as the kernel does when memory runs out."""
        for operator in self._operators:
            if operator.process.poll() is None:
                operator.kill()

    def close(self) -> None:
        """End the operators, and delete what whoever looks at all namespaces would find.

        The namespace stays: to delete it takes the control plane more CPU than most tests.
        """
        self.kill_operators()
        ours = f"apis/{API_VERSION}"
        for root, plural in ((ours, PLURAL), (ours, CLIENT_SECRET_PLURAL), ("api/v1", "secrets")):
            try:
                self.api.delete_all(f"/{root}/namespaces/{self.namespace}/{plural}")
            except ApiError as error:
                if error.status != 404:  # the test took the CRDs away
                    raise

    def path(self, name: str, plural: str = PLURAL) -> str:
        """The path of an object of this namespace; `plural` is that of credentials or of a core resource."""
        root = f"/apis/{API_VERSION}" if plural == PLURAL else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}/{name}"

    def client_secret(self, name: str = "oauth", data: Mapping[str, str] = CLIENT) -> None:
        """Create or replace a client Secret as a person does."""
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.api.apply({**manifest, "data": encoded}, namespace=self.namespace)

    def credential(self, name: str = "lightroom", **spec: Any) -> Object:
        """Apply a credential of the client Secret `oauth`."""
        return self.api.apply(manifest(name, **spec), namespace=self.namespace)

    def patch(self, name: str, patch: Mapping[str, Any], plural: str = PLURAL) -> Object:
        """Merge `patch` into an object."""
        return self.api.patch(self.path(name, plural), patch)

    def status(self, name: str = "lightroom") -> dict[str, Any]:
        """The status of a credential."""
        status: dict[str, Any] = self.api.get(self.path(name)).get("status", {})
        return status

    def condition(self, kind: str, name: str = "lightroom") -> dict[str, Any]:
        """A condition of a credential, {} while there is none."""
        conditions = self.status(name).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def wait_condition(self, kind: str, status: str, reason: str, name: str = "lightroom") -> dict[str, Any]:
        """Wait until a condition has that status and reason; the condition."""

        def probe() -> dict[str, Any]:
            found = self.condition(kind, name)
            assert (found.get("status"), found.get("reason")) == (status, reason), found
            return found

        return wait_for(f"{kind} of {name} to be {status} because of {reason}", probe)

    def wait_ready(self, name: str = "lightroom") -> dict[str, Any]:
        """Wait until a credential is Ready in its present generation; its status."""

        def probe() -> dict[str, Any]:
            found = self.api.get(self.path(name))
            conditions = {each["type"]: each for each in found.get("status", {}).get("conditions", [])}
            ready = conditions.get("Ready", {})
            generation = (ready.get("status"), ready.get("observedGeneration"))
            assert generation == ("True", found["metadata"]["generation"]), found.get("status")
            status: dict[str, Any] = found["status"]
            return status

        return wait_for(f"{name} to be Ready", probe)

    def wait_rotations(self, count: int, name: str = "lightroom") -> dict[str, Any]:
        """Wait until the status tells of so many rotations; the status."""

        def probe() -> dict[str, Any]:
            found = self.status(name)
            assert found.get("rotations", 0) >= count, found
            return found

        return wait_for(f"{name} to have been rotated {count} times", probe)

    def secret(self, name: str = "lightroom") -> Object | None:
        """A Secret as it is stored, or None."""
        return self.api.get_or_none(self.path(name, "secrets"))

    def data(self, name: str = "lightroom") -> dict[str, str]:
        """The data of a Secret, decoded; {} where there is no such Secret."""
        secret = self.secret(name)
        encoded = (secret or {}).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in encoded.items()}

    def audited_from(self) -> int:
        """A mark in the audit log, for `requests_since`."""
        assert self.control_plane.audit_log is not None
        return audit_lines(self.control_plane.audit_log)

    def requests_since(self, mark: int) -> dict[tuple[str, str], int]:
        """What the operator asked of the API server since a mark, counted by verb and resource."""
        assert self.control_plane.audit_log is not None
        user = f"system:serviceaccount:{self.namespace}:{ACCOUNT}"
        return dict(audit_requests(self.control_plane.audit_log, user, mark))

    def rules(self, *rules: Mapping[str, object]) -> None:
        """Have IMS misbehave by these rules."""
        self.ims.rules(rules)


def manifest(name: str, **spec: Any) -> dict[str, Any]:
    """A credential of the client Secret `oauth`."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {"client": {"secretRef": {"name": "oauth"}}, **spec},
    }


def workload(kind: str, name: str) -> dict[str, Any]:
    """A workload of the kind Deployment, StatefulSet or DaemonSet; there is no image of its name."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def allow(api: Api, namespace: str, resource: str, verbs: Sequence[str]) -> None:
    """Change which verbs the operator's account may use on a resource of this namespace."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{ACCOUNT}"
    rules = api.get(path)["rules"]
    changed = [{**rule, "verbs": list(verbs)} if resource in rule["resources"] else rule for rule in rules]
    api.patch(path, {"rules": changed})
