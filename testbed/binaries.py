"""Finds the programs that tests and demo run beside the operator, or has Go build them, once.

What `$KUBEBUILDER_ASSETS` (the envtest convention) has is used as it is. The rest is compiled from a pinned
go.mod under hack/ into a cache outside the tree, in a folder named by a hash of all that decides the result.
Each set is built when it is first asked for, so that the demo need not wait for the programs of a node.
Running the binaries is left to others. It needs no package, as the demo builds while its dependencies are installed.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from testbed import go_build
from testbed.kubectl import kubectl_on_path

REPOSITORY = Path(__file__).resolve().parents[1]
GO_REQUIREMENTS = REPOSITORY / "requirements" / "go.txt"


@dataclass(frozen=True, slots=True)
class Module:
    """A folder under hack/ with a go.mod, whose versions are those of what it requires.

    `pinned` is the one that gives `stamps` their values: linker variables that {version}, {major} and {minor}
    are filled into. `tags` are Go's build tags. A `quick` build does without the compiler's optimizations, which takes
    a third of its time away; what it makes is slower.
    """

    name: str
    pinned: str
    stamps: dict[str, str]
    tags: str = ""
    quick: bool = False

    @property
    def folder(self) -> Path:
        return REPOSITORY / "hack" / self.name

    def version(self) -> str:
        """Return the pinned version, such as v1.36.3. Raises go_build.BuildError."""
        found = re.search(rf"^\s*{re.escape(self.pinned)} (v\S+)", (self.folder / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise go_build.BuildError(f"{self.folder / 'go.mod'} requires no {self.pinned}")
        return found[1]

    def flags(self) -> list[str]:
        version = self.version()
        major, minor = version.removeprefix("v").split(".")[:2]
        values = {"version": version, "major": major, "minor": minor}
        stamp = " ".join(f"-X {name}={value.format_map(values)}" for name, value in self.stamps.items())
        return [
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            f"-gcflags=all=-dwarf=false{' -N -l' if self.quick else ''}",
            f"-ldflags=-s -w {stamp}",
            *([f"-tags={self.tags}"] if self.tags else []),
        ]

    def built(self) -> Path:
        """Return the folder for what is built from the module as it is now."""
        parts = [(self.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        parts += [text.encode() for text in (*self.flags(), *go_build.target())]
        return cache_root() / self.name / hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


# Without the stamps all of them take themselves for v0.0.0, and `kubectl version` fails.
KUBERNETES_STAMPS = {
    "k8s.io/component-base/version.gitVersion": "{version}",
    "k8s.io/component-base/version.gitMajor": "{major}",
    "k8s.io/component-base/version.gitMinor": "{minor}",
}
KUBERNETES = Module("control-plane", "k8s.io/kubernetes", KUBERNETES_STAMPS)
QUICK = replace(KUBERNETES, quick=True)
HELM = Module("helm", "helm.sh/helm/v4", {"helm.sh/helm/v4/internal/version.version": "{version}"})
LINT = Module("lint", "github.com/rhysd/actionlint", {})
ARTIFACTS = Module("artifacts", "github.com/sigstore/cosign/v3", {})
SBOM = Module("sbom", "github.com/anchore/syft", {})
# The tag leaves out the clients of all clouds, which Prometheus would look for targets with.
MONITORING = Module("monitoring", "k8s.io/kube-state-metrics/v2", {}, "remove_all_sd")

API_SERVER_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}
KUBECTL_PACKAGES = {"kubectl": "k8s.io/kubernetes/cmd/kubectl"}
CONTROL_PLANE_PACKAGES = {
    **API_SERVER_PACKAGES,
    **KUBECTL_PACKAGES,
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}
NODE_PACKAGES = {
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
}
LINT_PACKAGES = {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}
ARTIFACTS_PACKAGES = {
    "cosign": "github.com/sigstore/cosign/v3/cmd/cosign",
    "crane": "github.com/google/go-containerregistry/cmd/crane",
    "registry": "github.com/distribution/distribution/v3/cmd/registry",
}
SBOM_PACKAGES = {"syft": "github.com/anchore/syft/cmd/syft"}
HELM_PACKAGES = {"helm": "helm.sh/helm/v4/cmd/helm"}
MONITORING_PACKAGES = {
    "kube-state-metrics": "k8s.io/kube-state-metrics/v2",
    "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
    "promtool": "github.com/prometheus/prometheus/cmd/promtool",
}
# Go names a binary after the last element of its package that is no version.
BUILT_NAMES = {"etcd": "server"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of executables; they need not share a folder. None stands for a control plane without controllers."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path | None
    kubectl: Path


@dataclass(frozen=True, slots=True)
class NodeBinaries:
    """What a cluster with pods needs besides."""

    kube_proxy: Path
    kube_scheduler: Path
    kubelet: Path


@dataclass(frozen=True, slots=True)
class MonitoringBinaries:
    """What shows the operator's objects without the operator, scrapes its metrics, and tests alerts and queries."""

    kube_state_metrics: Path
    prometheus: Path
    promtool: Path


@dataclass(frozen=True, slots=True)
class ArtifactsBinaries:
    """What signs images, copies them, and keeps them."""

    cosign: Path
    crane: Path
    registry: Path


def cache_root() -> Path:
    """Return this project's folder in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "adobe-ims-operator"


def find_or_build() -> Binaries:
    """Return all four of the control plane, after minutes of compiling if this machine never had them.

    $KUBERNETES_MINOR, such as 1.34, chooses another Kubernetes than the usual; etcd stays. Raises go_build.BuildError.
    """
    minor = os.environ.get("KUBERNETES_MINOR")
    if not minor or KUBERNETES.version().startswith(f"v{minor}."):
        return Binaries(**_find(KUBERNETES, CONTROL_PLANE_PACKAGES, "a real control plane"))
    module = Module(f"kubernetes/{minor}", "k8s.io/kubernetes", KUBERNETES_STAMPS)
    if not module.folder.is_dir():
        known = sorted(path.name for path in module.folder.parent.iterdir())
        raise go_build.BuildError(f"hack/kubernetes/ has no {minor}; choose one of {', '.join(known)}")
    etcd = {name: package for name, package in CONTROL_PLANE_PACKAGES.items() if name == "etcd"}
    others = {name: package for name, package in CONTROL_PLANE_PACKAGES.items() if name != "etcd"}
    purpose = f"a control plane of {minor}"
    return Binaries(**_find(KUBERNETES, etcd, purpose), **_find(module, others, purpose))


def api_server() -> Binaries:
    """Return what serves the API without controllers, soon; kubectl is PATH's where that is new enough.

    What `find_or_build` made is taken if it is there; else it is a quick build. Raises go_build.BuildError.
    """
    own, given = kubectl_on_path(), API_SERVER_PACKAGES
    found = _soon(given if own else {**given, **KUBECTL_PACKAGES}, "a real API server")
    return Binaries(**{**found, "kubectl": own or found["kubectl"]}, kube_controller_manager=None)


def has_api_server() -> bool:
    """Say whether `api_server` has no server to build."""
    return any(not _missing(module, API_SERVER_PACKAGES) for module in (KUBERNETES, QUICK))


def kubectl() -> Path:
    """Return kubectl of PATH where that is new enough, else one that is built. Raises go_build.BuildError."""
    return kubectl_on_path() or _soon(KUBECTL_PACKAGES, "the demo")["kubectl"]


def _soon(packages: Mapping[str, str], purpose: str) -> dict[str, Path]:
    return _find(QUICK if _missing(KUBERNETES, packages) else KUBERNETES, packages, purpose)


def node() -> NodeBinaries:
    """Return what a node runs, and the scheduler, likewise. Raises go_build.BuildError."""
    return NodeBinaries(**_find(KUBERNETES, NODE_PACKAGES, "a real node"))


def helm() -> Path:
    """Return Helm, likewise. Raises go_build.BuildError."""
    return _find(HELM, HELM_PACKAGES, "the chart")["helm"]


def actionlint() -> Path:
    """Return what checks workflows, likewise. Raises go_build.BuildError."""
    return _find(LINT, LINT_PACKAGES, "the workflows")["actionlint"]


def artifacts() -> ArtifactsBinaries:
    """Return what a release is made with, likewise. Raises go_build.BuildError."""
    return ArtifactsBinaries(**_find(ARTIFACTS, ARTIFACTS_PACKAGES, "a release"))


def sbom() -> Path:
    """Return syft, likewise. Raises go_build.BuildError."""
    return _find(SBOM, SBOM_PACKAGES, "a release")["syft"]


def monitoring() -> MonitoringBinaries:
    """Return kube-state-metrics, Prometheus and promtool, likewise. Raises go_build.BuildError."""
    return MonitoringBinaries(**_find(MONITORING, MONITORING_PACKAGES, "the alerts"))


def _find(module: Module, packages: Mapping[str, str], purpose: str) -> dict[str, Path]:
    """Return paths by name, in which "_" stands for "-"."""
    places = _places(module)
    if missing := _missing(module, packages):
        _build_once(module, missing, module.built(), purpose)
    return {name.replace("-", "_"): next(place / name for place in places if _has([place], name)) for name in packages}


def _places(module: Module) -> list[Path]:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return [*([Path(assets)] if assets else []), module.built()]


def _missing(module: Module, packages: Mapping[str, str]) -> dict[str, str]:
    places = _places(module)
    return {name: package for name, package in packages.items() if not _has(places, name)}


def _has(places: Sequence[Path], name: str) -> bool:
    return any(os.access(place / name, os.X_OK) for place in places)


def _build_once(module: Module, packages: Mapping[str, str], cache: Path, purpose: str) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        missing = {name: package for name, package in packages.items() if not _has([cache], name)}
        if not missing:
            return
        for abandoned in cache.glob("build-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as folder:
            _build(module, missing, Path(folder), cache, purpose)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            go_build.Progress.say(f"Waiting for another run that builds into {path.parent} ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(module: Module, packages: Mapping[str, str], folder: Path, cache: Path, purpose: str) -> None:
    names = ", ".join(packages)
    progress = go_build.Progress(
        f"Building {names} ({module.pinned} {module.version()}) with Go, for {purpose} on this machine.\n"
        f"This takes some minutes, once: the result is kept in {cache}"
    )
    go_build.build(
        module.folder,
        module.flags(),
        list(packages.values()),
        folder,
        toolchains=cache_root(),
        requirements=GO_REQUIREMENTS,
        progress=progress,
    )
    for name in packages:
        (folder / BUILT_NAMES.get(name, name)).replace(cache / name)
    progress.done(f"Built {names}")


SETS: dict[str, Callable[[], dict[str, Path | None]]] = {
    "control-plane": lambda: asdict(find_or_build()),
    "api-server": lambda: asdict(api_server()),
    "node": lambda: asdict(node()),
    "helm": lambda: {"helm": helm()},
    "lint": lambda: {"actionlint": actionlint()},
    "release": lambda: {**asdict(artifacts()), "syft": sbom()},
    "monitoring": lambda: asdict(monitoring()),
}


def main() -> None:
    """Print where each binary of the named sets is, building what is missing."""
    parser = argparse.ArgumentParser(prog="python -m testbed.binaries", description=main.__doc__)
    parser.add_argument("sets", nargs="+", choices=SETS, metavar="SET", help=", ".join(SETS))
    sets = parser.parse_args(sys.argv[1:] or ["control-plane"]).sets
    try:
        found = {name: path for each in sets for name, path in SETS[each]().items()}
    except go_build.BuildError as error:
        sys.exit(str(error))
    for name, path in found.items():
        if path is None:
            continue
        sys.stdout.write(f"{name.replace('_', '-')}: {path.parent}\n")


if __name__ == "__main__":
    main()
