"""`check` where the operator runs: by `helm test`, and by `kubectl exec` with the settings of the pod's own process."""

import json
import subprocess
from typing import Any

from node.product import Applications, Release
from testbed import helm
from testbed.control_plane import ControlPlane
from testbed.stand_in import StandIn


def executed(plane: ControlPlane, release: Release, *arguments: str) -> dict[str, Any]:
    command = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", "-n", release.name, "exec"]
    command += [f"deploy/{helm.RELEASE}", "--", "adobe-ims-operator", "check", "-o", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_helm_test_runs_check_as_the_operator(plane: ControlPlane, release: Release) -> None:
    said = helm.run("test", release.name, f"--namespace={release.name}", "--timeout=50s", kubeconfig=plane.kubeconfig)
    assert "Phase:" in said
    assert "Succeeded" in said


def test_in_the_pod_the_settings_of_its_process_count(plane: ControlPlane, release: Release, ims: StandIn) -> None:
    document = executed(plane, release)
    assert (document["settings"], document["failed"]) == ("the process that runs in this pod", 0)
    results = {each["check"]: each for each in document["checks"]}
    assert results["connection"]["target"] == ims.url
    assert results["lease"]["outcome"] == "OK"
    assert f"system:serviceaccount:{release.name}:" in results["permissions"]["message"]


def test_in_the_pod_a_credential_is_tried_with_the_pods_authority(
    plane: ControlPlane, release: Release, photos: Applications
) -> None:
    (result,) = executed(plane, release, "file", "-n", photos.namespace)["checks"]
    assert (result["check"], result["outcome"]) == ("ims", "OK")
