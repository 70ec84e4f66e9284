"""What benchmarks run on: a control plane, an IMS that takes its time, and the operator as a process."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from adobe_ims_operator.api.resource import PLURAL
from adobe_ims_stand_in.defaults import EXPIRES_IN
from bench.audit import AuditLog
from bench.floor import Cost
from bench.meter import Meter
from bench.objects import client_secret, credential, path
from bench.raw import Raw, in_parallel
from testbed.address import free_ports
from testbed.api import Api
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.operator_process import ACCOUNT, Operator, create_account, grants, grants_everywhere
from testbed.stand_in import StandIn

LOADERS = 32
"""Requests that are under way at once while objects are made."""
IMS_QPS = 10_000
"""What the operator may ask of IMS in a second: no limit, as the floor has none."""
BOUND_SECONDS = 60.0
"""What anything may take at least before it is given up."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much work there is."""

    count: int
    concurrency: int
    latency: float
    """Seconds that IMS takes to answer."""

    @property
    def patience(self) -> float:
        """Seconds after which work on all objects is given up."""
        return BOUND_SECONDS + self.count * (0.1 + self.latency / self.concurrency)


class Stage:
    """A cluster of its own; a context manager.

    Args:
        expires_in: how long tokens live, in seconds.
        endpoints: how many IMS there are; `ims` is the first, which is the operator's default.
        ims_qps: what the operator may ask of each in a second.
        others: namespaces that it watches beside its own.
        everywhere: whether it watches all namespaces.
    """

    def __init__(
        self,
        folder: Path,
        load: Load,
        namespace: str = "bench",
        *,
        expires_in: int = EXPIRES_IN,
        endpoints: int = 1,
        ims_qps: float = IMS_QPS,
        others: Sequence[str] = (),
        everywhere: bool = False,
    ) -> None:
        self._folder = folder
        self._expires_in = expires_in
        self._endpoints = endpoints
        self._ims_qps = ims_qps
        self._others = tuple(others)
        self._everywhere = everywhere
        self._stack = ExitStack()
        self._health_port, self._metrics_port = free_ports(2)
        self.load = load
        self.namespace = namespace

    def __enter__(self) -> Self:
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._plane = self._stack.enter_context(ControlPlane(self._folder / "cluster", crds=CRDS, audit=True))
        # In one folder they are of one authority, as the operator is told of one file.
        self.endpoints = [
            self._stack.enter_context(
                StandIn(self._folder / "ims", latency=self.load.latency, expires_in=self._expires_in)
            )
            for _ in range(self._endpoints)
        ]
        self.ims = self.endpoints[0]
        self.admin = self._stack.enter_context(Api.from_kubeconfig(self._plane.kubeconfig))
        self._http = self._stack.enter_context(httpx.Client(trust_env=False, timeout=1))
        kubeconfig = self.account(self.namespace)
        for other in self._others:
            self.admin.post("/api/v1/namespaces", {"metadata": {"name": other}})
            for manifest in grants(other, self.namespace):
                self.admin.apply(manifest)
        if self._everywhere:
            for manifest in grants_everywhere(self.namespace):
                self.admin.apply(manifest)
        self.operator = Operator(kubeconfig, self._folder / "operator.log", self._flags())
        self._stack.push(self.operator)  # which ends it, if it was started
        assert self._plane.audit_log is not None  # noqa: S101 - for the type checker
        user = f"system:serviceaccount:{self.namespace}:{ACCOUNT}"
        self.audit = AuditLog(self._plane.audit_log, user)
        self._stack.callback(self.audit.close)

    def _flags(self) -> list[str]:
        return [
            *([] if self._everywhere else (f"--namespace={name}" for name in (self.namespace, *self._others))),
            *(f"--endpoint={ims.url}" for ims in self.endpoints),
            f"--ims-ca-file={self.ims.ca}",
            f"--concurrency={self.load.concurrency}",
            f"--ims-qps={self._ims_qps}",
            f"--health-port={self._health_port}",
            f"--metrics-port={self._metrics_port}",
        ]

    def account(self, namespace: str) -> Path:
        """Create a namespace with the operator's account, which may do there what deploy/ grants; its kubeconfig."""
        folder = self._folder / namespace
        folder.mkdir()
        self.admin.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        return create_account(self.admin, self._plane.kubeconfig, namespace, folder)

    def meter(self) -> Meter:
        """The meter of the operator that runs."""
        return Meter(self.operator.process.pid)

    def is_ready(self) -> bool:
        """Whether the operator says that it is ready."""
        try:
            return self._http.get(f"http://127.0.0.1:{self._health_port}/readyz").is_success
        except httpx.TransportError:
            return False

    def metrics(self) -> str:
        """What the operator tells Prometheus."""
        return self._http.get(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=60).text

    async def open(self, connections: int = LOADERS) -> Raw:
        """An administrator's connections."""
        return await Raw.open(self._plane.kubeconfig, connections)

    def create(
        self,
        namespace: str,
        names: Iterable[str],
        group: str,
        *,
        secrets: bool = True,
        credentials: bool = True,
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        """Create credentials with a client Secret each, or only the one or the other.

        `endpoints` has the endpoint of a name where that is not the operator's default.
        """
        asyncio.run(self._create(namespace, list(names), group, secrets, credentials, endpoints or {}))

    async def _create(
        self,
        namespace: str,
        names: list[str],
        group: str,
        secrets: bool,
        credentials: bool,
        endpoints: Mapping[str, str],
    ) -> None:
        async with await self.open() as api:

            async def create(name: str) -> None:
                if secrets:
                    await api.request("POST", path(namespace, "secrets"), client_secret(name))
                if credentials:
                    await api.request("POST", path(namespace, PLURAL), credential(name, group, endpoints.get(name)))

            await in_parallel(LOADERS, names, create)

    def list(self, plural: str, query: str = "") -> list[dict[str, Any]]:
        """All objects of the operator's namespace."""
        items: list[dict[str, Any]] = []
        following = ""
        while True:
            page = self.admin.get(f"{path(self.namespace, plural)}?limit=500&continue={following}{query}")
            items += page["items"]
            following = page["metadata"].get("continue", "")
            if not following:
                return items

    def floor(self, namespace: str, kubeconfig: Path, prefix: str, *, rotation: bool, same: bool) -> Cost:
        """Run one floor loop over all credentials of that namespace, as a process."""
        command = [sys.executable, "-m", "bench.floor", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        command += [f"--prefix={prefix}", f"--count={self.load.count}", f"--concurrency={self.load.concurrency}"]
        command += [f"--endpoint={self.ims.url}", f"--ca={self.ims.ca}"]
        command += ["--rotation"] * rotation + ["--same"] * same
        done = subprocess.run(command, capture_output=True, text=True, timeout=self.load.patience, check=False)
        if done.returncode:
            raise RuntimeError(f"the floor loop failed: {done.stderr}")
        return Cost(**json.loads(done.stdout))
