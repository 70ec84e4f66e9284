"""What a real operator counts of its work, and that its metrics are as Prometheus wants them."""

import subprocess

import pytest

from integration.ports import Ports
from testbed.api import wait_for
from testbed.binaries import monitoring
from testbed.operator_process import rules
from testbed.scene import Scene, allow, workload

SECRET_VERBS = next(rule["verbs"] for rule in rules() if "secrets" in rule["resources"])


@pytest.fixture
def ports() -> Ports:
    return Ports()


def wait_value(ports: Ports, series: str, least: float) -> None:
    def probe() -> bool:
        value = ports.value(series)
        assert value is not None
        assert value >= least, value
        return True

    wait_for(f"{series} to be {least}", probe)


def test_the_work_is_counted_by_reason_result_and_code(scene: Scene, ports: Ports) -> None:
    scene.client_secret()
    scene.api.apply(workload("Deployment", "web"), namespace=scene.namespace)
    scene.operator(*ports.flags)
    ports.wait_until("/readyz", 200)
    rotations, restarts = 'adobe_ims_rotations_total{{reason="{}"}}', 'adobe_ims_restarts_total{{result="{}"}}'
    assert ports.value(rotations.format("Due")) == 0
    restart = [{"kind": "Deployment", "name": "web"}, {"kind": "Deployment", "name": "absent"}]
    scene.credential(restart=restart)
    scene.wait_ready()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "now"}}})
    scene.wait_rotations(2)
    wait_value(ports, rotations.format("SecretMissing"), 1)
    wait_value(ports, rotations.format("Requested"), 1)
    wait_value(ports, restarts.format("Restarted"), 1)
    wait_value(ports, restarts.format("WorkloadNotFound"), 1)
    requests = 'adobe_ims_operator_api_requests_total{{code="{}",verb="{}"}}'
    wait_value(ports, requests.format(200, "PATCH"), 3)
    wait_value(ports, requests.format(201, "POST"), 1)
    wait_value(ports, requests.format(404, "GET"), 1)
    answer = subprocess.run(
        [str(monitoring().promtool), "check", "metrics", "--extended"],
        input=ports.ask("/metrics")[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_write_that_is_refused_is_counted_with_its_resource(scene: Scene, ports: Ports) -> None:
    allow(scene.api, scene.namespace, "secrets", [verb for verb in SECRET_VERBS if verb != "create"])
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")
    wait_value(ports, 'adobe_ims_operator_writes_refused_total{reason="Forbidden",resource="secrets"}', 1)
    labels = f'name="lightroom",namespace="{scene.namespace}",reason="SecretWriteRefused"'
    wait_value(ports, f"adobe_ims_credential_failing_reason{{{labels}}}", 1)


def test_credentials_that_wait_for_a_throttled_client_are_counted(scene: Scene, ports: Ports) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 600})
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential("first")
    scene.wait_condition("RotationFailing", "True", "IMSRateLimited", "first")
    scene.credential("second")
    endpoint = f'endpoint="{scene.ims.url}"'
    wait_value(ports, f"adobe_ims_operator_throttled_credentials{{{endpoint}}}", 2)
    assert ports.value(f"adobe_ims_operator_rate_limit{{{endpoint}}}") == 50
    scene.api.delete(scene.path("second"))
    series = f"adobe_ims_operator_throttled_credentials{{{endpoint}}}"
    wait_for("one to be left", lambda: ports.value(series) == 1)
