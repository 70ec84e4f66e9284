"""What kubelet and Prometheus are told, by a real process: well, and when what they ask about is broken."""

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.ports import Ports, of
from testbed.api import wait_for
from testbed.operator_process import rules
from testbed.scene import Scene, allow
from testbed.stale_api import StaleApi

SECRET_VERBS = next(rule["verbs"] for rule in rules() if "secrets" in rule["resources"])


@pytest.fixture
def ports() -> Ports:
    return Ports()


def test_it_is_ready_once_everything_was_read(scene: Scene, ports: Ports) -> None:
    allow(scene.api, scene.namespace, "secrets", ["get"])
    scene.operator(*ports.flags)
    answer = ports.wait_until("/readyz", 503, "were not read yet")
    assert f"[-]secrets in namespace {scene.namespace} failed" in answer
    assert ports.ask("/livez")[0] == 200
    allow(scene.api, scene.namespace, "secrets", SECRET_VERBS)
    answer = ports.wait_until("/readyz", 200)
    assert answer == f"[+]credentials ok\n[+]secrets in namespace {scene.namespace} ok\n"


def test_it_is_not_ready_while_credentials_can_not_be_read(scene: Scene, ports: Ports) -> None:
    allow(scene.api, scene.namespace, "adobeimscredentials", ["watch"])
    scene.operator(*ports.flags)
    ports.wait_until("/readyz", 503, "[-]credentials failed: no namespace answers")
    allow(scene.api, scene.namespace, "adobeimscredentials", ["list", "watch"])
    ports.wait_until("/readyz", 200, timeout=90)


def test_a_replica_that_waits_is_ready_and_alive_and_tells_of_no_credential(scene: Scene, ports: Ports) -> None:
    first, second = Ports(), ports
    scene.client_secret()
    scene.credential()
    scene.replica("first", *first.flags)
    scene.wait_ready()
    scene.replica("second", *second.flags)
    second.wait_until("/readyz", 200)
    assert second.wait_until("/livez", 200, "[+]lease ok")
    assert (first.value("adobe_ims_operator_leader"), second.value("adobe_ims_operator_leader")) == (1, 0)
    assert first.value(of(scene, "ready")) == 1
    assert second.value(of(scene, "ready")) is None


def test_a_watch_that_tells_nothing_is_found_out_and_reopened(scene: Scene, ports: Ports) -> None:
    scene.client_secret()
    with StaleApi(scene.control_plane) as stale:
        stale.hiding = True
        scene.credential()
        scene.operator_by(stale, *ports.flags)
        ports.wait_until("/readyz", 503, "not all credentials were read yet")
        assert ports.ask("/livez")[0] == 200
        answer = ports.wait_until("/livez", 503, timeout=60)
        assert "[-]credentials failed: the watch on credentials does not report what a list shows" in answer
        assert "the watch on credentials is blind" in scene.log.read_text()
        stale.hiding = False
        ports.wait_until("/livez", 200, timeout=90)
        ports.wait_until("/readyz", 200)
        scene.wait_ready()


def test_an_api_server_that_is_away_is_no_reason_to_be_killed_nor_to_be_unready(scene: Scene, ports: Ports) -> None:
    with StaleApi(scene.control_plane) as proxy:
        scene.operator_by(proxy, *ports.flags)
        ports.wait_until("/readyz", 200)
    wait_for("the outage to be noticed", lambda: "can't watch Secrets" in scene.log.read_text())
    assert ports.ask("/livez")[0] == 200
    assert ports.ask("/readyz")[0] == 200


def test_metrics_tell_of_credentials_and_of_requests(scene: Scene, ports: Ports) -> None:
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential()
    status = scene.wait_ready()
    assert ports.value(of(scene, "ready")) == 1
    assert ports.value(of(scene, "rotation_failing")) == 0
    expiry, following = (
        ports.value(of(scene, "expiration_timestamp_seconds")),
        ports.value(of(scene, "next_rotation_timestamp_seconds")),
    )
    assert expiry is not None
    assert following is not None
    assert 3500 < expiry - following < 3700, status
    issued = f'adobe_ims_token_requests_total{{endpoint="{scene.ims.url}",result="Issued"}}'
    assert ports.value(issued) == 1
    assert ports.value(f'adobe_ims_token_request_duration_seconds_count{{endpoint="{scene.ims.url}"}}') == 1
    scene.rules({"behaviour": "error", "error": "invalid_client"})
    scene.patch("lightroom", {"spec": {"scopes": ["openid"]}})
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    wait_for("the next text of metrics", lambda: ports.value(of(scene, "ready")) == 0, timeout=3)
    assert ports.value(of(scene, "rotation_failing")) == 1
    assert ports.value(issued.replace("Issued", "InvalidClient")) == 1
    assert ports.value(of(scene, "restart_failing")) == 0
    _, text = ports.ask("/metrics")
    assert SAMPLE_CLIENT_SECRET not in text
    assert scene.data()["access_token"] not in text
    scene.api.delete(scene.path("lightroom"))
    wait_for("it to be forgotten", lambda: ports.value(of(scene, "ready")) is None)


def test_workloads_that_were_not_rolled_are_told_of(scene: Scene, ports: Ports) -> None:
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential(restart=[{"kind": "Deployment", "name": "absent"}])
    scene.wait_condition("WorkloadsRestarted", "False", "WorkloadNotFound")
    assert ports.value(of(scene, "restart_failing")) == 1
    assert ports.value(of(scene, "ready")) == 1


def test_a_port_that_is_taken_is_said(scene: Scene, ports: Ports) -> None:
    scene.operator(*ports.flags)
    ports.wait_until("/livez", 200)
    second = scene.operator(*ports.flags)
    assert second.process.wait(20) == 1
    assert f"port {ports.health} can't be listened on" in scene.log.read_text()
    assert "Traceback" not in scene.log.read_text()
