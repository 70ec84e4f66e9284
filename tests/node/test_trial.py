"""What a person sees who tries the chart with its stand-in for IMS: tokens that rotate each minute, in pods."""

import time

import pytest

from node.product import Applications, Release, measure, ready, values
from testbed.api import Api, wait_for
from testbed.control_plane import ControlPlane
from testbed.node import Node


@pytest.mark.timeout(240)
def test_tokens_of_the_charts_stand_in_rotate_each_minute_and_reach_a_pod_at_the_kubelets_usual_pace(
    node: Node, plane: ControlPlane, api: Api, release: Release
) -> None:
    assert release.pods(), "the CRD is that release's"
    node.start_kubelet(sync_frequency="1m")
    trial = Release(node, api, plane.kubeconfig, "trial")
    trial.install(values(standIn={"enabled": True}, crds={"enabled": False}, selector="ims=stand-in"))
    assert [ready(pod) for pod in trial.pods() + trial.pods("stand-in")] == [True, True]
    applications = Applications(api, "trials")
    applications.credential("minute", labels={"ims": "stand-in"}, rotation={"interval": "1m"})
    applications.reading_file("minute")
    first = applications.wait_rotated("minute", None)
    applications.wait_read("minute", first, timeout=60)

    time.sleep(5)  # while a pod is new, the kubelet looks at it more often
    applications.rotate("minute")
    applications.wait_rotated("minute", first)
    written = time.time()
    asked_for = applications.wait_rotations("minute", 2)

    def followed() -> float | None:
        """When the pod first read a newer token, which may be one that has come due since."""
        return min((read for read in applications.read_by("minute").values() if read > written), default=None)

    read = wait_for("the file to follow", followed, 120)
    measure("from the Secret to the file of a running pod, as kubelets are usually set", read - written)
    due = applications.wait_rotations("minute", 3)
    assert 59 <= due - asked_for <= 63
