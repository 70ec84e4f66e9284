"""The operator as a real process, under a service account of its own with exactly the rules in deploy/."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from testbed import read_yaml, warm_start
from testbed.api import Api
from testbed.credentials import write_kubeconfig
from testbed.process import BOUND

ROOT = Path(__file__).parents[1]
RBAC = tuple(ROOT / "deploy" / name for name in ("operator.yaml", "restart/rbac.yaml", "client-secrets/rbac.yaml"))
ACCOUNT = "adobe-ims-operator"


def rules() -> list[dict[str, Any]]:
    """What the operator may do to all that it watches, with what `spec.restart` needs."""
    return [rule for name in (ACCOUNT, f"{ACCOUNT}-restart") for rule in _role("ClusterRole", name)["rules"]]


def client_secret_rules() -> list[dict[str, Any]]:
    """What it may do beside that to all that it watches, where it serves AdobeIMSClientSecrets."""
    rules: list[dict[str, Any]] = _role("ClusterRole", f"{ACCOUNT}-client-secrets")["rules"]
    return rules


def lease_rules() -> list[dict[str, Any]]:
    """What it may do in its own namespace, for the Lease `adobe-ims-operator`."""
    rules: list[dict[str, Any]] = _role("Role", f"{ACCOUNT}-leader-election")["rules"]
    return rules


def _role(kind: str, name: str) -> dict[str, Any]:
    documents = (document for path in RBAC for document in read_yaml.load_all(path.read_text()))
    return next(each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name))


def account_manifests(namespace: str) -> list[dict[str, Any]]:
    """A service account that may do in one namespace what the operator may do in all."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": namespace}}
    return [account, *grants(namespace, namespace), *_grant(f"{ACCOUNT}-leader-election", lease_rules(), namespace)]


def grants(namespace: str, home: str) -> list[dict[str, Any]]:
    """What lets the operator's account of the namespace `home` work in another."""
    return _grant(ACCOUNT, [*rules(), *client_secret_rules()], namespace, home)


def grants_everywhere(home: str) -> list[dict[str, Any]]:
    """What lets the operator's account of the namespace `home` work in all namespaces."""
    role, binding = grants("", home)
    metadata, reference = {"name": f"{ACCOUNT}-{home}"}, {**binding["roleRef"], "kind": "ClusterRole"}
    return [
        role | {"kind": "ClusterRole", "metadata": metadata},
        binding
        | {"kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": {**reference, "name": metadata["name"]}},
    ]


def _grant(name: str, rules: list[dict[str, Any]], namespace: str, home: str | None = None) -> list[dict[str, Any]]:
    metadata = {"name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": home or namespace}],
        },
    ]


class Operator:
    """`adobe-ims-operator run` as a process; `with` starts it, and ends it with SIGTERM.

    Args:
        kubeconfig: how it reaches the cluster.
        log: the file that its log is appended to.
        arguments: flags of `run`.
        environment: variables beside those of this process.
        clock: a file that says by how many seconds its clock is ahead; None for the clock of the machine.
        warm: it is forked by a process that has made its imports, where that can be done.
    """

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        arguments: Sequence[str],
        environment: dict[str, str] | None = None,
        clock: Path | None = None,
        *,
        warm: bool = False,
    ) -> None:
        self.log = log
        self._clock = clock
        self._warm = warm
        # Several run at once on this machine, so each listens only where it is told to; of a flag the last counts.
        self._arguments = ("--metrics-port=0", "--health-port=0", *arguments)
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), **(environment or {})}
        self._process: subprocess.Popen[bytes] | warm_start.Forked | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()

    @property
    def process(self) -> "subprocess.Popen[bytes] | warm_start.Forked":
        """The running process.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError("the operator was not started")
        return self._process

    def start(self) -> None:
        """Start it; it is at work about a second later."""
        program, first = (
            ("adobe_ims_operator", "run") if self._clock is None else ("testbed.clocked_operator", str(self._clock))
        )
        if self._warm:
            with self.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
                arguments = (first, *self._arguments)
                self._process = warm_start.start(program, arguments, self._environment, nothing, log, log)
            return
        command = [sys.executable, "-m", program, first, *self._arguments]
        if sys.platform == "linux":
            command = [sys.executable, "-c", BOUND, str(os.getpid()), *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment, start_new_session=True
            )

    def stop(self, timeout: float = 10.0) -> int:
        """End it as Kubernetes does, with SIGTERM; the exit code.

        Raises:
            TimeoutExpired: it did not end in `timeout` seconds; it was killed then.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as the kernel does when memory runs out, with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def text(self) -> str:
        """All that it logged so far."""
        return self.log.read_text() if self.log.exists() else ""


def create_account(api: Api, kubeconfig: Path, namespace: str, folder: Path) -> Path:
    """Create the operator's account in a namespace; a kubeconfig that logs in as it for a day.

    Args:
        kubeconfig: that of `api`; the certificate of its one cluster is in the file itself.
    """
    for manifest in account_manifests(namespace):
        api.apply(manifest)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token"
    token = api.post(path, {"spec": {"expirationSeconds": 86400}})["status"]["token"]
    (cluster,) = read_yaml.load(kubeconfig.read_text())["clusters"]
    return write_kubeconfig(folder / f"{ACCOUNT}.kubeconfig", cluster["cluster"], {"token": token}, namespace)
