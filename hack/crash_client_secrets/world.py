"""What is killed, and where: a control plane, a stand-in, many AdobeIMSClientSecrets, clocks that are moved by days."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from adobe_ims_operator.adobe.console import MANAGEMENT_SCOPES
from adobe_ims_operator.api.client_secret import CLIENT_SECRET_KIND, CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import API_VERSION
from crash_client_secrets.gate import Gate
from crash_client_secrets.points import Reader, Subject, state_of
from testbed.address import free_ports
from testbed.api import Api
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.operator_process import Operator, create_account, grants_everywhere
from testbed.stand_in import StandIn

NAMESPACES = 6
HOME = "operator"
OVERLAP = 24 * 3600
"""Seconds."""
LAG = 3600
"""Seconds after which Adobe shows a use."""
SPREAD = 60
"""Seconds after which IMS accepts a client secret that was added."""


def subjects(count: int) -> tuple[Subject, ...]:
    """So many, in `NAMESPACES` namespaces."""
    return tuple(
        Subject(
            namespace=f"team-{n % NAMESPACES}",
            name=f"app-{n}",
            client_id=f"{n:032x}",
            organization=str(10_000 + n),
            credential=str(20_000 + n),
            bootstrap=f"p8e-bootstrap-of-{n}-{'x' * 16}",
        )
        for n in range(count)
    )


class World:
    """A context manager; all that it writes is under `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.subjects = subjects(count)
        self.ahead = 0.0
        """By how many seconds the clocks of Adobe and of the operator are ahead."""
        self._clock = folder / "clock"
        self._pokes = 0
        self._stack = ExitStack()
        (self.metrics_port,) = free_ports(1)

    def __enter__(self) -> Self:
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        enter = self._stack.enter_context
        plane = enter(ControlPlane(self.folder / "cluster", crds=CRDS))
        self.kubeconfig = plane.kubeconfig
        self.ims = enter(
            StandIn(
                self.folder / "ims",
                http=True,
                clients={each.client_id: each.bootstrap for each in self.subjects},
                credentials={(each.organization, each.credential): each.client_id for each in self.subjects},
            )
        )
        self.ims.settings(acceptance_delay=SPREAD, last_used_lag=LAG)
        self.http = enter(httpx.Client(trust_env=False, timeout=60))
        self.api = enter(Api.from_kubeconfig(plane.kubeconfig))
        self.gate = enter(Gate(plane.url, self.ims.url, Reader(self.subjects)))
        self.api.post("/api/v1/namespaces", {"metadata": {"name": HOME}})
        account = create_account(self.api, plane.kubeconfig, HOME, self.folder)
        for manifest in grants_everywhere(HOME):
            self.api.apply(manifest)
        flags = [
            "--client-secrets",
            "--allow-http-endpoint",
            f"--endpoint={self.gate.urls[1]}",
            f"--console-endpoint={self.gate.urls[1]}",
            f"--concurrency={len(self.subjects)}",
            f"--metrics-port={self.metrics_port}",
            "--log-level=debug",
        ]
        by_gate = self.gate.kubeconfig(account, self.folder / "by-gate")
        self.operator = Operator(by_gate, self.folder / "operator.log", flags, clock=self._clock)
        self._stack.push(self.operator)
        self.pass_time(0)
        self._create()

    def _create(self) -> None:
        for n in range(NAMESPACES):
            self.api.post("/api/v1/namespaces", {"metadata": {"name": f"team-{n}"}})
        for each in self.subjects:
            data = {"client_id": each.client_id, "client_secret": each.bootstrap}
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": each.name}, "data": encoded}
            self.api.apply(secret, namespace=each.namespace)
            spec = {
                "organizationId": each.organization,
                "credentialId": each.credential,
                "bootstrap": {"secretRef": {"name": each.name}},
                "secret": {"name": each.secret},
                "interval": f"{2 * OVERLAP // 3600}h",
                "overlap": f"{OVERLAP // 3600}h",
            }
            body = {"apiVersion": API_VERSION, "kind": CLIENT_SECRET_KIND, "metadata": {"name": each.name}}
            self.api.apply({**body, "spec": spec}, namespace=each.namespace)

    def pass_time(self, seconds: float) -> None:
        """Move the clocks of Adobe and of the operator."""
        ahead = self.ahead + seconds
        self.ims.settings(clock_offset=ahead)
        written = self._clock.with_suffix(".new")
        written.write_text(str(ahead))
        written.rename(self._clock)
        self.ahead = ahead

    def poke(self) -> None:
        """Have all objects looked at now."""
        self._pokes += 1
        for each in self.subjects:
            self.patch(each, {"metadata": {"labels": {"poked": str(self._pokes)}}})

    def patch(self, subject: Subject, patch: Mapping[str, Any]) -> None:
        """Merge something into an object."""
        self.api.patch(f"{_root(subject.namespace)}/{subject.name}", patch)

    def give_back(self, subject: Subject) -> None:
        """Put the client secret in use into the bootstrap Secret and delete the managed one, as a person does."""
        root = f"/api/v1/namespaces/{subject.namespace}/secrets"
        value = self.api.get(f"{root}/{subject.secret}")["data"]["client_secret"]
        self.api.patch(f"{root}/{subject.name}", {"data": {"client_secret": value}})
        self.api.delete(f"{root}/{subject.secret}")
        self.gate.reader.forget(subject)

    def secrets(self, api: Api | None = None) -> dict[Subject, dict[str, Any]]:
        """The managed Secrets that there are."""
        listed = (api or self.api).get("/api/v1/secrets?labelSelector=app.kubernetes.io%2Fmanaged-by")["items"]
        found = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in listed}
        return {each: found[key] for each in self.subjects if (key := (each.namespace, each.secret)) in found}

    def states(self) -> dict[Subject, str]:
        """What each ledger says."""
        secrets = self.secrets()
        return {each: state_of(secrets.get(each)) for each in self.subjects}

    def statuses(self) -> dict[Subject, dict[str, Any]]:
        """The status of each object."""
        listed = self.api.get(f"/apis/{API_VERSION}/{CLIENT_SECRET_PLURAL}")["items"]
        found = {each["spec"]["credentialId"]: each.get("status", {}) for each in listed}
        return {each: found[each.credential] for each in self.subjects}

    def use(self, subject: Subject, value: str) -> None:
        """Ask IMS for a token, as somebody does who has a client secret."""
        form = {"grant_type": "client_credentials", "client_id": subject.client_id, "client_secret": value}
        form["scope"] = ",".join(MANAGEMENT_SCOPES)
        self.http.post(f"{self.ims.url}/ims/token/v3", data=form)

    def texts(self) -> Iterator[tuple[str, str]]:
        """All that people read who may not read Secrets, by what it is; the operator runs."""
        yield "the log", self.operator.text()
        yield "/metrics", self.http.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        yield "the objects", json.dumps(self.api.get(f"/apis/{API_VERSION}/{CLIENT_SECRET_PLURAL}"))
        yield "the Events", json.dumps(self.api.get("/apis/events.k8s.io/v1/events"))
        metadata = [each["metadata"] for each in self.secrets().values()]
        yield "the metadata of managed Secrets", json.dumps(metadata)


def _root(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{CLIENT_SECRET_PLURAL}"
