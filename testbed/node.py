"""A real node: scheduler, kubelet, kube-proxy and containerd beside a control plane, in a sandbox (`node_sandbox`).

Pods have addresses, Services have cluster IPs and names, and all of them reach what listens on the node's address.
"""

import contextlib
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import httpx

from testbed import binaries, node_cgroups
from testbed.api import Api, ApiError
from testbed.control_plane import ControlPlane
from testbed.credentials import NODE
from testbed.node_images import write_image
from testbed.node_names import DOMAIN, Names
from testbed.node_packages import Packages
from testbed.node_sandbox import ADDRESS, PODS
from testbed.process import Process

READY_SECONDS = 60.0
PAUSE = "pause:local"
KUBELET_HEALTH = "http://127.0.0.1:10248/healthz"


class Node:
    """A context manager; all that it writes is under `folder`, of a file system that takes overlays, and the plane's.

    Logs, those of pods too, are beside the plane's.
    """

    def __init__(self, folder: Path, plane: ControlPlane, packages: Packages) -> None:
        self.folder = folder
        self.packages = packages
        self._plane = plane
        self._logs = plane.folder / "logs"
        self._socket = folder / "containerd.sock"
        self._processes: dict[str, Process] = {}
        self._rest = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when the node is Ready. Raises ProcessDiedError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        scheduler = [str(binaries.node().kube_scheduler), f"--kubeconfig={self._plane.files.scheduler}"]
        self._spawn("kube-scheduler", [*scheduler, "--leader-elect=false", "--secure-port=0"], lambda: True)
        self._spawn("containerd", self._containerd_command(), self._containerd_ready)
        busybox = {"busybox": self.packages.busybox.read_bytes()}
        self.import_image(
            write_image(self.folder / "pause.tar", PAUSE, busybox, ["/busybox", "tail", "-f", "/dev/null"])
        )
        api = self._rest.enter_context(Api.from_kubeconfig(self._plane.kubeconfig))
        self._rest.enter_context(Names(ADDRESS, api))
        self._spawn("kube-proxy", self._proxy_command(), lambda: True)
        self.start_kubelet()

    def stop(self) -> None:
        """End the programs; the pods go on until the sandbox ends."""
        for process in reversed(self._processes.values()):
            process.stop()
        self._processes.clear()
        self._rest.close()

    def start_kubelet(self, sync_frequency: str = "1s") -> None:
        """Return when the node is Ready; a running kubelet is replaced, its pods keep running.

        `sync_frequency` is how often it looks at each pod again, Secrets that are mounted included.
        """
        if running := self._processes.pop("kubelet", None):
            running.stop()
        self._spawn("kubelet", self._kubelet_command(sync_frequency), self._ready)

    def import_image(self, archive: Path) -> None:
        """Have the images of an archive, by the names in it."""
        self.ctr("images", "import", str(archive))

    def ctr(self, *arguments: str) -> str:
        """Ask containerd about what Kubernetes runs."""
        command = [str(self.packages.ctr), f"--address={self._socket}", "--namespace=k8s.io", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def process_id(self, container_id: str) -> int:
        """Return the process, as the sandbox sees it, of a container that a pod's status calls containerd://..."""
        tasks = (line.split() for line in self.ctr("tasks", "list").splitlines())
        return next(int(task[1]) for task in tasks if task[0] == container_id.removeprefix("containerd://"))

    def _spawn(self, name: str, command: Sequence[str], ready: Callable[[], bool]) -> None:
        command = [*self.packages.environment, *command]
        self._processes[name] = Process.start(name, command, self._logs / f"{name}.log")
        self._processes[name].wait_ready(ready, READY_SECONDS)

    def _containerd_command(self) -> list[str]:
        networks = self._write("cni/pods.conflist", json.dumps(CNI)).parent
        config = CONTAINERD.format(
            folder=self.folder, cni=self.packages.cni, networks=networks, pause=PAUSE, runc=self.packages.runc
        )
        return [str(self.packages.containerd), f"--config={self._write('containerd.toml', config)}"]

    def _containerd_ready(self) -> bool:
        try:
            self.ctr("version")
        except subprocess.CalledProcessError:
            return False
        return True

    def _kubelet_command(self, sync_frequency: str) -> list[str]:
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(self._plane.files.ca)}},
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "podLogsDir": str(self._logs / "pods"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "syncFrequency": sync_frequency,
            "clusterDNS": [ADDRESS],
            "clusterDomain": DOMAIN,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{node_cgroups.NAME}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "makeIPTablesUtilChains": False,
            # A test's machine may have a full disk, and images that are not used yet must stay.
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0.1%", "imagefs.available": "0.1%"},
            "imageGCHighThresholdPercent": 100,
        }
        return [
            str(binaries.node().kubelet),
            f"--config={self._write('kubelet.json', json.dumps(config))}",
            f"--kubeconfig={self._plane.files.kubelet}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--cert-dir={self.folder / 'kubelet-pki'}",
            f"--hostname-override={NODE}",
            f"--node-ip={ADDRESS}",
        ]

    def _proxy_command(self) -> list[str]:
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(self._plane.files.proxy)},
            "hostnameOverride": NODE,
            "clusterCIDR": PODS,
            # 0 leaves what is the whole machine's as it is.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
        return [str(binaries.node().kube_proxy), f"--config={self._write('kube-proxy.json', json.dumps(config))}"]

    def _ready(self) -> bool:
        """Tell whether the kubelet that runs now answers, and has the node Ready."""
        try:
            httpx.get(KUBELET_HEALTH, trust_env=False).raise_for_status()
            with Api.from_kubeconfig(self._plane.kubeconfig) as api:
                node = api.get(f"/api/v1/nodes/{NODE}")
        except (httpx.HTTPError, ApiError):
            return False
        return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])

    def _write(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path


# Each pod by a link of its own: on a bridge, an answer from pod to pod would miss the translation of cluster IPs.
CNI = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [{"type": "ptp", "ipam": {"type": "host-local", "subnet": PODS, "routes": [{"dst": "0.0.0.0/0"}]}}],
}

# restrict_oom_score_adj: a process may not ask for less than its own where root is not almighty.
CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{cni}"
conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
"""
