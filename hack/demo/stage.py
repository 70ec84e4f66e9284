"""What the demo plays on: a cluster, an Adobe IMS and the operator, set up in this order.

What takes each of them away is registered before it is started, so that the demo may be stopped anywhere.
"""

import shlex
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from demo.cluster import CRD, Cluster, DemoError, kubectl_of_user, kubectl_on
from demo.person import Interrupted, Screen, Signals
from demo.view import Log, Sample, View
from testbed.api import Api
from testbed.binaries import REPOSITORY, api_server
from testbed.control_plane import ControlPlane
from testbed.operator_process import Operator
from testbed.stand_in import StandIn

MANIFEST = REPOSITORY / "deploy" / "samples" / "credential.yaml"
TOKEN_SECONDS = 30
# A proxy would be asked for the stand-in, which only this machine can reach.
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


class Stage:
    """All of it, set up when it is made; closing `traces` takes it away.

    `context` is of the user's own kubeconfig; None stands for a control plane that is started here.
    """

    def __init__(self, screen: Screen, signals: Signals, traces: ExitStack, folder: Path, context: str | None) -> None:
        self._screen = screen
        self._signals = signals
        self._traces = traces
        self._folder = folder
        self.sample = Sample.read(MANIFEST)
        self.cluster = self._users_cluster(context) if context else self._own_cluster()
        self.kubectl = self.cluster.kubectl
        account = self._create_account()
        self.ims = self._start_ims()
        self.log = Log(log_of(folder))
        self.view = View(traces.enter_context(Api.from_kubeconfig(account)), self.cluster.namespace, self.sample)
        self.operator = self._start_operator(account)

    def _own_cluster(self) -> Cluster:
        self._screen.say("All of it runs on this machine and is removed at the end. Ctrl-C stops it at any time.")
        binaries = api_server()
        self._screen.heading("1. A cluster, an Adobe IMS and the operator")
        self._screen.wait("starting etcd and kube-apiserver ...")
        control_plane = ControlPlane(self._folder / "control-plane", binaries=binaries)
        self._traces.push(control_plane)
        started = time.monotonic()
        control_plane.start()
        seconds = time.monotonic() - started
        self._screen.say(f"Kubernetes: a real API server on {control_plane.url}, started in {seconds:.1f} s.")
        cluster = Cluster(kubectl_on(control_plane, self._folder / "cache"))
        cluster.install_crd()
        return cluster

    def _users_cluster(self, context: str) -> Cluster:
        cluster = Cluster(kubectl_of_user(context, self._folder / "cache"))
        new_crd = not cluster.has_crd()
        self._agree(context, cluster.namespace, new_crd=new_crd)
        self._screen.heading("1. An Adobe IMS and the operator")
        self._traces.callback(self._remove, cluster)
        if new_crd:
            cluster.install_crd()
        return cluster

    def _agree(self, context: str, namespace: str, *, new_crd: bool) -> None:
        creates = [f"namespace {namespace}, with everything else in it", *([f"CRD {CRD}"] if new_crd else [])]
        self._screen.say(f"In context {context} it creates, and removes at the end:")
        for each in creates:
            self._screen.say(f"  - {each}")
        if not new_crd:
            self._screen.say(f"CRD {CRD} is there already and stays as it is.")
            self._screen.say("An operator that already watches all namespaces there would work on the demo's too.")
        self._screen.say("The operator and an Adobe IMS stand-in run on this machine. Ctrl-C stops it at any time.")
        if self._screen.live and not self._screen.ask("Go on?"):
            self._screen.say("Nothing was created.")
            raise Interrupted(signal.SIGINT)

    def _remove(self, cluster: Cluster) -> None:
        self._screen.wait(f"removing namespace {cluster.namespace} ...")
        try:
            self._screen.say(f"Removed {cluster.remove()}.")
        except DemoError as error:
            by_hand = f"{cluster.kubectl.spelled} delete namespace {cluster.namespace}"
            raise DemoError(f"{error}\nRemove the namespace yourself: {by_hand}") from None

    def _create_account(self) -> Path:
        self.cluster.create_namespace()
        return self.cluster.create_account(self._folder)

    def _start_ims(self) -> StandIn:
        clients = {self.sample.client_id: self.sample.client_secret}
        ims = StandIn(self._folder / "ims", clients=clients, expires_in=TOKEN_SECONDS)
        self._traces.push(ims)
        with self._signals.held():
            ims.start()
        self._screen.say(f"Adobe IMS: a stand-in on {ims.url}, whose tokens live {TOKEN_SECONDS} s instead of 24 h.")
        return ims

    def _start_operator(self, account: Path) -> Operator:
        shown = ["--namespace", self.cluster.namespace, "--endpoint", self.ims.url]
        more = ["--ims-ca-file", str(self.ims.ca), "--log-format", "text"]
        operator = Operator(account, log_of(self._folder), [*shown, *more], NO_PROXY)
        self._traces.push(operator)
        with self._signals.held():
            operator.start()
        self._screen.say(
            f"Operator: process {operator.process.pid}, allowed what deploy/operator.yaml says, in one namespace only:"
        )
        self._screen.command(shlex.join(["adobe-ims-operator", "run", *shown, "..."]))
        return operator


def log_of(folder: Path) -> Path:
    """Where the operator logs, be it started or not."""
    return folder / "operator.log"
