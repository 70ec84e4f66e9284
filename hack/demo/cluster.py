"""The cluster that the demo happens on, and all that the demo puts there and takes away again.

Everything is done by kubectl, as the user would do it and with the user's own way to log in. What is looked at
between the user's commands is `demo.view`'s.
"""

import secrets
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from testbed.binaries import REPOSITORY, kubectl
from testbed.control_plane import ControlPlane, service_account_kubeconfig
from testbed.kubectl import kubectl_on_path
from testbed.operator_process import ACCOUNT, account_manifests

CRD_FILE = REPOSITORY / "charts" / "adobe-ims-operator" / "files" / "crds" / "adobeimscredentials.yaml"
CRD = "adobeimscredentials.adobe-ims.dev"
LABEL = "adobe-ims.dev/demo"
KUBECTL_SECONDS = 30.0


class DemoError(Exception):
    """What was to be shown did not happen; the message is for the user."""


class Kubectl:
    """The real kubectl on one cluster; None for `kubeconfig` or `context` is what kubectl takes by itself."""

    def __init__(self, program: Path, cache: Path, kubeconfig: Path | None, context: str | None) -> None:
        self.program = program
        self.kubeconfig = kubeconfig
        self.context = context
        # kubectl would leave what it learned about this cluster in the user's home.
        self._flags = [f"--cache-dir={cache}"]
        self._flags += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
        self._flags += [f"--context={context}"] if context else []

    @property
    def spelled(self) -> str:
        """How kubectl is called from another terminal, apart from the kubeconfig."""
        program = "kubectl" if self.program == kubectl_on_path() else str(self.program)
        return shlex.join([program, *([f"--context={self.context}"] if self.context else [])])

    def run(self, *arguments: str, stdin: str = "", seconds: float = KUBECTL_SECONDS) -> str:
        """Run it and return what it printed.

        Raises:
            DemoError: it failed, or took longer than `seconds`.
        """
        try:
            done = subprocess.run(
                [str(self.program), *self._flags, *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                start_new_session=True,  # Ctrl-C is for the demo, which may want to run it to the end
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"`{spelled(arguments)}` did not end in {seconds:g} s") from None
        if done.returncode:
            raise DemoError(f"`{spelled(arguments)}`: {done.stderr.strip()}")
        return done.stdout


def spelled(arguments: Sequence[str]) -> str:
    """Write a kubectl command as one would type it in the repository."""
    return " ".join(["kubectl", *(each.removeprefix(f"{REPOSITORY}/") for each in arguments)])


class Cluster:
    """One namespace for the demo on some cluster, and the CRD if it was not there."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.namespace = f"adobe-ims-demo-{secrets.token_hex(3)}"

    def has_crd(self) -> bool:
        """Say whether the CRD is there already."""
        return bool(self.kubectl.run("get", "crd", CRD, "--ignore-not-found", "--output=name"))

    def install_crd(self) -> None:
        """Create the CRD, marked as this demo's, and wait until its objects can be created."""
        crd = yaml.safe_load(CRD_FILE.read_text())
        crd["metadata"].setdefault("labels", {})[LABEL] = self.namespace
        self.kubectl.run("create", "--filename=-", stdin=yaml.safe_dump(crd))
        self.kubectl.run("wait", f"crd/{CRD}", "--for=condition=Established", "--timeout=20s")

    def create_namespace(self) -> None:
        """Create the namespace."""
        self.kubectl.run("create", "namespace", self.namespace)

    def create_account(self, folder: Path) -> Path:
        """Create the operator's account in the namespace; a kubeconfig that logs in as it."""
        manifests = yaml.safe_dump_all(account_manifests(self.namespace))
        self.kubectl.run("create", "--filename=-", stdin=manifests)
        kubectl, path = self.kubectl, folder / f"{ACCOUNT}.kubeconfig"
        return service_account_kubeconfig(
            kubectl.kubeconfig, kubectl.context, self.namespace, ACCOUNT, path, kubectl.program
        )

    def remove(self) -> str:
        """Remove the namespace, and the CRD if this demo made it and nobody uses it; say what was done."""
        self.kubectl.run("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=90s", seconds=100)
        selector = f"--selector={LABEL}={self.namespace}"
        if not self.kubectl.run("get", "crd", selector, "--output=name"):
            return f"namespace {self.namespace}"
        if self.kubectl.run("get", CRD, "--all-namespaces", "--output=name"):
            return f"namespace {self.namespace}, but not CRD {CRD}, which is in use meanwhile"
        self.kubectl.run("delete", "crd", selector, "--timeout=30s", seconds=40)
        return f"namespace {self.namespace} and CRD {CRD}"


def kubectl_on(control_plane: ControlPlane, cache: Path) -> Kubectl:
    """Use a control plane of our own, as its administrator."""
    return Kubectl(control_plane.kubectl, cache, control_plane.kubeconfig, None)


def kubectl_of_user(context: str, cache: Path) -> Kubectl:
    """Use a context of the user's own kubeconfig.

    Raises:
        DemoError: there is no such context, or its cluster does not answer.
    """
    program = kubectl()
    known = Kubectl(program, cache, None, None).run("config", "get-contexts", "--output=name").split()
    if context not in known:
        there = f"there are: {', '.join(known)}" if known else "there are none in KUBECONFIG or ~/.kube/config"
        raise DemoError(f"there is no context {context!r}; {there}")
    users = Kubectl(program, cache, None, context)
    users.run("get", "--raw=/readyz", "--request-timeout=10s")
    return users
