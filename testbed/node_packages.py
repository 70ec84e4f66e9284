"""containerd, runc, CNI plugins and busybox: Debian's packages, unpacked into the cache and installed nowhere.

apt-get checks who made them. Which versions they are is up to the machine's release, as are the libraries that
they load.
"""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed.binaries import cache_root

PROGRAMS = ("busybox-static", "containerd", "containernetworking-plugins", "nftables", "runc")
# What they load beside the C library, as a machine may have none of it.
LIBRARIES = (
    *("libbsd0", "libedit2", "libgmp10", "libjansson4", "libmd0", "libmnl0", "libnftables1", "libnftnl11"),
    *("libseccomp2", "libtinfo6", "libxtables12"),
)
PACKAGES = PROGRAMS + LIBRARIES


class PackagesError(Exception):
    """A package could not be had; the message has the tool's own words."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Paths of what a node runs; `folder` is where the packages are unpacked."""

    folder: Path

    @property
    def environment(self) -> list[str]:
        """The words before a command that starts these programs by name, or is one."""
        path = [str(self.folder / place) for place in ("usr/bin", "usr/sbin", "bin")]
        libraries = [
            str(folder) for pattern in ("lib/*-linux-*", "usr/lib/*-linux-*") for folder in self.folder.glob(pattern)
        ]
        return [
            "/usr/bin/env",
            f"PATH={':'.join([*path, '/usr/sbin:/usr/bin:/sbin:/bin'])}",
            f"LD_LIBRARY_PATH={':'.join(libraries)}",
        ]

    @property
    def containerd(self) -> Path:
        return self.folder / "usr/bin/containerd"

    @property
    def ctr(self) -> Path:
        return self.folder / "usr/bin/ctr"

    @property
    def runc(self) -> Path:
        return self.folder / "usr/sbin/runc"

    @property
    def cni(self) -> Path:
        return self.folder / "usr/lib/cni"

    @property
    def busybox(self) -> Path:
        """A shell and the usual tools in one static program."""
        return next(path for place in ("bin", "usr/bin") if (path := self.folder / place / "busybox").exists())


def fetch() -> Packages:
    """Return them, downloaded the first time. Raises PackagesError."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise PackagesError(f"{tool} is needed, as the node is made of Debian's packages {', '.join(PACKAGES)}")
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout
    names = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    home = cache_root() / "node" / f"{_codename()}-{architecture.strip()}-{names}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=home.parent) as scratch:
            _unpack(Path(scratch)).rename(home)
    return Packages(home)


def _codename() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME") or values.get("ID", "unknown")


def _unpack(scratch: Path) -> Path:
    download = ["apt-get", "--quiet", "--option=APT::Sandbox::User=root", "download", *PACKAGES]
    if subprocess.run(download, cwd=scratch, capture_output=True, check=False).returncode:
        _run(["apt-get", "--quiet", "update"], scratch)  # a fresh machine knows of no packages
        _run(download, scratch)
    root = scratch / "root"
    for package in sorted(scratch.glob("*.deb")):
        _run(["dpkg", "--extract", str(package), str(root)], scratch)
    return root


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagesError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
