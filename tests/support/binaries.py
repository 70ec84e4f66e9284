"""Finds etcd, kube-apiserver, kube-controller-manager and kubectl, or has Go build them, once.

What `$KUBEBUILDER_ASSETS` (the envtest convention) has is used as it is. The rest is compiled from the
go.mod in hack/control-plane into a cache outside the tree, in a folder named by a hash of all that decides
the result. Running the binaries is left to `control_plane`.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from support import go_build

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "hack" / "control-plane"
GO_REQUIREMENTS = REPOSITORY / "requirements" / "go.txt"

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# Go names a binary after the last element of its package that is no version.
BUILT_NAMES = {"etcd": "server"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of executables; they need not share a folder."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path


def cache_root() -> Path:
    """Return this project's folder in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "adobe-ims-operator"


def find_or_build() -> Binaries:
    """Return all four, after minutes of compiling if this machine never had them.

    Raises go_build.BuildError.
    """
    cache = cache_root() / "control-plane" / _fingerprint()
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    places = [Path(assets), cache] if assets else [cache]
    missing = [name for name in PACKAGES if not _has(places, name)]
    if missing:
        _build_once(missing, cache)
    return Binaries(
        **{name.replace("-", "_"): next(place / name for place in places if _has([place], name)) for name in PACKAGES}
    )


def _has(places: Sequence[Path], name: str) -> bool:
    return any(os.access(place / name, os.X_OK) for place in places)


def _kubernetes_version() -> str:
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise go_build.BuildError(f"{MODULE / 'go.mod'} requires no k8s.io/kubernetes")
    return found[1]


def _flags() -> list[str]:
    version = _kubernetes_version()
    major, minor = version.removeprefix("v").split(".")[:2]
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    # Without the stamps all of them take themselves for v0.0.0, and `kubectl version` fails.
    stamp = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    return [
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-gcflags=all=-dwarf=false",
        f"-ldflags=-s -w {stamp}",
    ]


def _fingerprint() -> str:
    parts = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
    parts += [text.encode() for text in (*_flags(), *go_build.target())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _build_once(names: Sequence[str], cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        missing = [name for name in names if not _has([cache], name)]
        if not missing:
            return
        for abandoned in cache.glob("build-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as folder:
            _build(missing, Path(folder), cache)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            go_build.Progress.say(f"Waiting for another run that builds into {path.parent} ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(names: Sequence[str], folder: Path, cache: Path) -> None:
    progress = go_build.Progress(
        f"Building {', '.join(names)} (Kubernetes {_kubernetes_version()}) with Go, for a real control plane "
        f"on this machine.\nThis takes some minutes, once: the result is kept in {cache}"
    )
    go_build.build(
        MODULE,
        _flags(),
        [PACKAGES[name] for name in names],
        folder,
        toolchains=cache_root(),
        requirements=GO_REQUIREMENTS,
        progress=progress,
    )
    for name in names:
        (folder / BUILT_NAMES.get(name, name)).replace(cache / name)
    progress.done(f"Built {', '.join(names)}")


def main() -> None:
    """Print where each binary is, building what is missing."""
    try:
        found = find_or_build()
    except go_build.BuildError as error:
        sys.exit(str(error))
    for name, path in asdict(found).items():
        sys.stdout.write(f"{name.replace('_', '-')}: {path.parent}\n")


if __name__ == "__main__":
    main()
