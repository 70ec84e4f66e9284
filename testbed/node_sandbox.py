"""`python -m testbed.node_sandbox COMMAND ...`: runs a command where it can have a node, and leaves no trace of it.

The command gets namespaces of its own for processes, mounts and network, without any way out of the machine. When
it ends, even by kill -9, all that runs in there ends too, and the mounts and addresses are gone.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from testbed import binaries, image, node_cgroups, node_packages
from testbed.go_build import BuildError

MARK = "NODE_SANDBOX"
FOLDER = Path("/run/node")
"""In memory, so it takes overlays whatever the machine's disk is like, and is gone with the sandbox."""
# Of the range for benchmarks (RFC 2544): nobody's addresses, should anything ever get out.
ADDRESS, PODS, SERVICES = "198.18.1.1", "198.18.0.0/24", "198.18.2.0/24"
# The kubelet sets these for the whole machine, and is shown files of the same content.
KERNEL_SETTINGS = ("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory")
KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def entered() -> bool:
    """Tell whether this process is in a sandbox."""
    return MARK in os.environ


def prepare() -> None:
    """Fetch and build, while there is a network, what a node needs. Raises BuildError, PackagesError or ImageError."""
    binaries.find_or_build()
    binaries.node()
    binaries.helm()
    node_packages.fetch()
    for name in image.STAGES:
        image.build(name)


def enter(command: Sequence[str]) -> None:
    """Become `unshare`, which dies with who started this."""
    ctypes.CDLL(None).prctl(KILL_WITH_PARENT, signal.SIGKILL)
    os.environ[MARK] = "1"
    flags = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    os.execvp("unshare", ["unshare", *flags, "--", sys.executable, "-m", "testbed.node_sandbox", *command])  # noqa: S606


def furnish(packages: node_packages.Packages) -> None:
    """Mount and address what a node expects of a machine."""
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "sandbox", "/run")
    scratch = Path("/run/sandbox")
    for folder in ("upper", "work"):
        (scratch / folder).mkdir(parents=True)
    # kubelet and CNI plugins insist on some places under /var.
    _run(
        "mount", "-t", "overlay", "-o", f"lowerdir=/var,upperdir={scratch}/upper,workdir={scratch}/work", "var", "/var"
    )
    for setting in KERNEL_SETTINGS:
        shown = scratch / setting.replace("/", "-")
        shown.write_text((Path("/proc/sys") / setting).read_text())
        _run("mount", "--bind", str(shown), f"/proc/sys/{setting}")
    node_cgroups.create()
    ip = (str(packages.busybox), "ip")
    _run(*ip, "link", "set", "lo", "up")
    _run(*ip, "address", "add", f"{ADDRESS}/32", "dev", "lo")


def run(command: Sequence[str]) -> int:
    """Return the command's exit code, once nothing runs any more. This is process 1: orphans are its children."""
    main = subprocess.Popen(command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to end by
    status: int | None = None
    while status is None:
        ended, how = os.wait()
        status = how if ended == main.pid else None
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    node_cgroups.remove()
    return os.waitstatus_to_exitcode(status)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def main() -> None:
    """Enter the sandbox, or, being its process 1, run the command in it."""
    if sys.platform != "linux" or os.geteuid() or shutil.which("unshare") is None:
        sys.exit("A node of our own needs Linux, root, and unshare of util-linux.")
    if not entered():
        try:
            prepare()
        except (BuildError, node_packages.PackagesError, image.ImageError) as error:
            sys.exit(str(error))
        enter(sys.argv[1:])
    try:
        furnish(node_packages.fetch())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"This machine can have no node, though we are root: {error}")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
