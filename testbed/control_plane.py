"""A real control plane on 127.0.0.1: etcd, kube-apiserver and kube-controller-manager as child processes.

There is no node and no scheduler (`node` has both): pods stay pending. What it gives is what an operator talks
to: RBAC, admission, CRDs, watches, tokens, garbage collection. Code here is synchronous on purpose, so that fixtures,
the demo and the command line can all use it. A bound control plane dies with the *thread* that started it:
start it where the program's main thread runs.
"""

import atexit
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import httpx

from testbed.address import LOOPBACK, Address, free_ports
from testbed.api import Api, ApiError
from testbed.binaries import Binaries, find_or_build
from testbed.credentials import Credentials, write_credentials, write_kubeconfig
from testbed.process import Process, ProcessDiedError, read_records, write_records

READY_SECONDS = 60.0
ETCD, APISERVER, CONTROLLER_MANAGER = "etcd", "kube-apiserver", "kube-controller-manager"
STOP_ORDER = (CONTROLLER_MANAGER, APISERVER, ETCD)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlaneError(Exception):
    """The control plane, or kubectl, did not do its part; the message has the end of its output."""


class ControlPlane:
    """A context manager; everything it writes is under `folder`.

    `crds` is a folder of CRDs to have from the start. (The garbage collector learns of later ones only within 40 s;
    until then nothing is deleted with an owner of such a kind.) `audit` logs each request at level Metadata to
    `audit_log`. A `detached` one outlives this process and is later ended by its folder (`stop_detached`).
    `binaries` are what it runs; those without a kube-controller-manager make one without controllers, in which nothing
    is garbage-collected and no namespace ever goes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        crds: Path | None = None,
        audit: bool = False,
        detached: bool = False,
        address: Address = LOOPBACK,
        binaries: Binaries | None = None,
    ) -> None:
        self.folder = folder
        self.audit_log = folder / "logs" / "audit.jsonl" if audit else None
        self._crds = crds
        self._detached = detached
        free, self._etcd_port, self._peer_port = free_ports(3)
        self._address = address
        self._given = binaries
        self._api_port = address.port or free
        self.url = f"https://{address.host}:{self._api_port}"
        self._processes: dict[str, Process] = {}
        self._credentials: Credentials | None = None

    @property
    def kubeconfig(self) -> Path:
        """Of a cluster administrator, with the one context `local`; there is one after `start`."""
        return self.files.admin

    @property
    def etcd_url(self) -> str:
        """Where etcd listens, for those with the API server's certificate."""
        return f"https://127.0.0.1:{self._etcd_port}"

    @property
    def files(self) -> Credentials:
        if self._credentials is None:
            raise ControlPlaneError("the control plane was not started yet")
        return self._credentials

    @property
    def kubectl(self) -> Path:
        return self._binaries.kubectl

    def __enter__(self) -> "ControlPlane":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when the API server answers and the controllers work. Raises ControlPlaneError."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._credentials = write_credentials(self.folder / "credentials", self.url, self._address.names)
        if not self._detached:
            atexit.register(self.stop)
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all three, in the order that loses nothing; harmless when they do not run."""
        self._stop_all()
        atexit.unregister(self.stop)

    def _start_all(self) -> None:
        self._spawn(ETCD, self._etcd_command(), self._etcd_ready)
        self.start_apiserver()
        if self._crds:
            apply_crds(self.kubeconfig, self._crds)
        if program := self._binaries.kube_controller_manager:
            self._spawn(CONTROLLER_MANAGER, self._controller_manager_command(program), self._controllers_ready)

    def _stop_all(self) -> None:
        for name in STOP_ORDER:
            self._stop(name)

    def start_apiserver(self) -> None:
        """Start it on the port it always had, and return when it is ready."""
        self._spawn(APISERVER, self._apiserver_command(), self._apiserver_ready)

    def stop_apiserver(self) -> None:
        self._stop(APISERVER)

    def restart_apiserver(self, down_seconds: float = 0) -> None:
        with self.without_apiserver():
            time.sleep(down_seconds)

    @contextmanager
    def without_apiserver(self) -> Iterator[None]:
        """Have it away for a while; it comes back however that ends, as others need it."""
        self.stop_apiserver()
        try:
            yield
        finally:
            self.start_apiserver()

    def back_up(self, folder: Path) -> None:
        """Copy etcd's data to a new folder; all are down meanwhile."""
        self._stop_all()
        shutil.copytree(self.folder / "etcd", folder)
        self._start_all()

    def restore(self, folder: Path) -> None:
        """Put etcd's data back to what `back_up` copied; all are down meanwhile."""
        self._stop_all()
        shutil.rmtree(self.folder / "etcd")
        shutil.copytree(folder, self.folder / "etcd")
        self._start_all()

    def pause_apiserver(self) -> None:
        """Let it hang: connections stay open and new ones are accepted, but nothing is answered."""
        self._processes[APISERVER].signal(signal.SIGSTOP)

    def resume_apiserver(self) -> None:
        self._processes[APISERVER].signal(signal.SIGCONT)

    @cached_property
    def _binaries(self) -> Binaries:
        return self._given or find_or_build()

    def _spawn(self, name: str, command: Sequence[str], ready: Callable[[], bool]) -> None:
        log = self.folder / "logs" / f"{name}.log"
        self._processes[name] = process = Process.start(name, command, log, detached=self._detached)
        self._keep_records()
        try:
            process.wait_ready(ready, READY_SECONDS)
        except ProcessDiedError as error:
            raise ControlPlaneError(str(error)) from None

    def _stop(self, name: str) -> None:
        if process := self._processes.pop(name, None):
            process.stop()
            self._keep_records()

    def _keep_records(self) -> None:
        if self._detached:
            write_records(self.folder, self._processes)

    def _etcd_command(self) -> list[str]:
        client, peer = self.etcd_url, f"https://127.0.0.1:{self._peer_port}"
        return [
            str(self._binaries.etcd),
            f"--data-dir={self.folder / 'etcd'}",
            # Data need not survive a power cut, and a disk's flushes would be most of each write's time.
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--client-cert-auth",
            f"--cert-file={self.files.server_certificate}",
            f"--key-file={self.files.server_key}",
            f"--trusted-ca-file={self.files.ca}",
            "--peer-client-cert-auth",
            f"--peer-cert-file={self.files.server_certificate}",
            f"--peer-key-file={self.files.server_key}",
            f"--peer-trusted-ca-file={self.files.ca}",
            "--log-level=warn",
        ]

    def _apiserver_command(self) -> list[str]:
        return [
            str(self._binaries.kube_apiserver),
            f"--etcd-servers={self.etcd_url}",
            f"--etcd-cafile={self.files.ca}",
            f"--etcd-certfile={self.files.server_certificate}",
            f"--etcd-keyfile={self.files.server_key}",
            f"--bind-address={self._address.host}",
            f"--advertise-address={self._address.host}",
            f"--secure-port={self._api_port}",
            f"--tls-cert-file={self.files.server_certificate}",
            f"--tls-private-key-file={self.files.server_key}",
            f"--client-ca-file={self.files.ca}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # Loopback addresses are refused as endpoints of the Service `kubernetes`.
            f"--endpoint-reconciler-type={'none' if self._address.is_loopback else 'lease'}",
            f"--service-cluster-ip-range={self._address.services}",
            f"--kubelet-client-certificate={self.files.kubelet_client_certificate}",
            f"--kubelet-client-key={self.files.kubelet_client_key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.files.service_account_key}",
            f"--service-account-signing-key-file={self.files.service_account_key}",
            *self._audit_flags(),
        ]

    def _audit_flags(self) -> list[str]:
        if self.audit_log is None:
            return []
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT_POLICY))
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}"]

    def _controller_manager_command(self, program: Path) -> list[str]:
        return [
            str(program),
            f"--kubeconfig={self.files.controller_manager}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.files.service_account_key}",
            f"--root-ca-file={self.files.ca}",
            "--authentication-skip-lookup",
            "--secure-port=0",
            "--leader-elect=false",
            # At the default of 20 requests a second its own start takes most of 10 s.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]

    def _etcd_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._etcd_port), 1):
            return True
        return False

    def _apiserver_ready(self) -> bool:
        return self._answers("/readyz")

    def _controllers_ready(self) -> bool:
        """Tell whether a controller has made the default service account, as one does in each namespace."""
        return self._answers("/api/v1/namespaces/default/serviceaccounts/default")

    def _answers(self, path: str) -> bool:
        with contextlib.suppress(ApiError, httpx.TransportError), Api.from_kubeconfig(self.kubeconfig) as api:
            return bool(api.text(path))
        return False


def apply_crds(kubeconfig: Path, folder: Path) -> None:
    """Apply each YAML file of a folder, and return when the resources are served. Raises ApiError."""
    with Api.from_kubeconfig(kubeconfig) as api:
        for manifest in sorted(folder.glob("*.yaml")):
            api.apply(manifest)


def stop_detached(folder: Path) -> list[str]:
    """End what still runs of a detached control plane in `folder`, and return the names of what was ended."""
    records = read_records(folder)
    return [name for name in STOP_ORDER if name in records and records[name].stop()]


def service_account_kubeconfig(
    kubeconfig: Path | None, context: str | None, namespace: str, name: str, path: Path, kubectl: Path
) -> Path:
    """Write a kubeconfig to `path` that acts as a service account for a day, and return `path`.

    The cluster is that of `kubeconfig` and `context`, where None means what kubectl takes by itself. Its user
    must be allowed to create tokens for the service account. Raises ControlPlaneError.
    """
    base = [str(kubectl)]
    base += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
    base += [f"--context={context}"] if context else []
    view = json.loads(_output([*base, "config", "view", "--raw", "--minify", "--flatten", "--output=json"]))
    token = _output([*base, "create", "token", name, f"--namespace={namespace}", "--duration=24h"]).strip()
    return write_kubeconfig(path, view["clusters"][0]["cluster"], {"token": token}, namespace)


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ControlPlaneError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
