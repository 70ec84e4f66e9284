"""`kubectl adobe-ims`: kubectl finds the plugin by its name, and asks the program beside it for completions."""

import os
import subprocess
import sys
from pathlib import Path

from integration.command import BARE, command
from testbed.scene import Scene

SCRIPTS = Path(sys.executable).parent


def kubectl(scene: Scene, *arguments: str, kubeconfig: str = "") -> "subprocess.CompletedProcess[str]":
    plane = scene.control_plane
    environment = {
        **BARE,
        "KUBECONFIG": kubeconfig or str(plane.kubeconfig),
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [str(plane.kubectl), *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_kubectl_runs_the_plugin_and_passes_its_exit_code_on(scene: Scene) -> None:
    scene.credential()
    done = kubectl(scene, "adobe-ims", "status", "-n", scene.namespace)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1].split()[:3] == ["lightroom", "False", "Unobserved"]
    assert "Usage: kubectl adobe-ims [OPTIONS] COMMAND" in kubectl(scene, "adobe-ims", "--help").stdout


def test_kubectl_completes_commands_and_names(scene: Scene) -> None:
    scene.credential("lightroom")
    scene.credential("firefly")

    def choices(*words: str, kubeconfig: str = "") -> list[str]:
        done = kubectl(scene, "__complete", "adobe-ims", *words, kubeconfig=kubeconfig)
        assert done.returncode == 0, done.stderr
        *lines, last = done.stdout.splitlines()
        assert last == ":4"
        return [line.partition("\t")[0] for line in lines]

    assert choices("r") == ["rotate", "resume"]
    assert choices("status", "-n", scene.namespace, "") == ["firefly", "lightroom"]
    assert choices("rotate", "-n", scene.namespace, "li") == ["lightroom"]
    by_flag = ("--kubeconfig", str(scene.control_plane.kubeconfig), "-n", scene.namespace)
    assert choices("check", *by_flag, "", kubeconfig="/nowhere") == ["firefly", "lightroom"]


def test_a_hint_names_what_the_person_called(scene: Scene) -> None:
    scene.credential(suspend=True)
    where = ("lightroom", "-n", scene.namespace)
    assert "run kubectl adobe-ims resume" in kubectl(scene, "adobe-ims", "rotate", *where).stdout
    assert "run kubectl adobe-ims resume" in kubectl(scene, "adobe-ims", "status", *where).stdout
    assert "run python -m adobe_ims_operator resume" in command(scene.control_plane.kubeconfig, "rotate", *where).out
