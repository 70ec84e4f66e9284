"""`python -m testbed.cluster up|down`: a control plane to play with, that stays when the command has ended.

The last line of `up` on stdout is for a shell to evaluate; all else goes to stderr. Only the CRDs are
applied: the operator itself is run by hand, or by whoever calls this.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import httpx

from testbed.api import Api, ApiError
from testbed.binaries import REPOSITORY, cache_root
from testbed.control_plane import ControlPlane, ControlPlaneError, apply_crds, stop_detached
from testbed.go_build import BuildError
from testbed.process import read_records

CRDS = REPOSITORY / "charts" / "adobe-ims-operator" / "files" / "crds"


def cluster_folder() -> Path:
    """Return where the one cluster of this user is kept; the folder may not exist."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) / "adobe-ims-operator" if state else cache_root()) / "cluster"


def up(folder: Path) -> Path:
    """Start the cluster unless it runs, apply the CRDs, and return the administrator's kubeconfig.

    Raises BuildError, ControlPlaneError or ApiError.
    """
    kubeconfig = folder / "credentials" / "admin.kubeconfig"
    if _works(folder, kubeconfig):
        apply_crds(kubeconfig, CRDS)
        _say(f"Using the cluster that runs in {folder}")
        return kubeconfig
    if folder.exists():
        _say("Removing what is left of a cluster that does not work any more")
        _remove(folder)
    started = time.monotonic()
    kubeconfig = _start(folder)
    _say(f"Started a cluster in {folder} in {time.monotonic() - started:.1f} s")
    return kubeconfig


def down(folder: Path) -> None:
    """Stop whatever runs of the cluster and remove its folder."""
    if not folder.exists():
        _say(f"There is no cluster in {folder}")
        return
    stopped = _remove(folder)
    _say(f"Stopped {', '.join(stopped) or 'nothing, since nothing ran,'} and removed {folder}")


def _works(folder: Path, kubeconfig: Path) -> bool:
    records = read_records(folder)
    if len(records) < 3 or not all(record.is_running() for record in records.values()):
        return False
    try:
        with Api.from_kubeconfig(kubeconfig) as api:
            return api.text("/readyz") == "ok"
    except (ApiError, httpx.TransportError, OSError):
        return False


def _start(folder: Path) -> Path:
    control_plane = ControlPlane(folder, crds=CRDS, detached=True)
    control_plane.start()
    return control_plane.kubeconfig


def _remove(folder: Path) -> list[str]:
    stopped = stop_detached(folder)
    shutil.rmtree(folder)
    return stopped


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Run one of the two commands; what cannot be done ends with exit code 1 and a message."""
    parser = argparse.ArgumentParser(prog="python -m testbed.cluster", description="A local control plane.")
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    try:
        if command == "down":
            down(cluster_folder())
        else:
            sys.stdout.write(f"export KUBECONFIG={shlex.quote(str(up(cluster_folder())))}\n")
    except (BuildError, ControlPlaneError, ApiError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
