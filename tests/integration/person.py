"""What a person does with a cluster: kubectl, commands typed in a shell, a look at the pods."""

import os
import subprocess

from testbed.api import Api
from testbed.control_plane import ControlPlane


def kubectl(plane: ControlPlane, *arguments: str, stdin: str = "") -> str:
    command = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", f"--cache-dir={plane.folder}/cache", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def typed(plane: ControlPlane, commands: str) -> None:
    """Run what a person types in a shell."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "PATH": f"{plane.kubectl.parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(["bash", "-e"], input=commands, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def admitted(api: Api, namespace: str, count: int) -> bool:
    """Whether so many pods are in a namespace; each waits for a node."""
    return len(api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]) == count
