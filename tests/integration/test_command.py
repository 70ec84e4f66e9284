"""The command as a process: how it ends, and what it is allowed to see."""

import json
from importlib.metadata import version

from testbed.api import wait_for
from testbed.scene import CLIENT, UNREPORTED, Scene


def test_sigterm_ends_it_with_0_within_ten_seconds_although_ims_is_slow(scene: Scene) -> None:
    scene.ims.settings(latency=60)
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    wait_for("IMS to be asked", lambda: scene.ims.requests().total == 1)
    assert operator.stop(timeout=10) == 0


def test_sigterm_lets_a_write_under_way_finish(scene: Scene) -> None:
    scene.ims.settings(latency=1.5)
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    wait_for("IMS to be asked, which it counts before it answers", lambda: scene.ims.requests().total == 1)
    assert scene.secret() is None
    assert operator.stop() == 0
    assert scene.ims.requests().issued == 1
    assert scene.ims.issued(scene.data()["access_token"])


def test_each_line_of_the_log_is_json_by_default(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    assert operator.stop() == 0
    lines = [json.loads(line) for line in operator.text().splitlines()]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert any("wrote Secret lightroom" in line["message"] for line in lines)


def test_what_happens_to_a_credential_is_logged_once(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong"})
    operator = scene.operator("--selector", "!elsewhere", "--concurrency", "7")
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    scene.client_secret()
    scene.wait_ready()
    assert operator.stop() == 0
    messages = [json.loads(line)["message"] for line in operator.text().splitlines()]
    for words in ("does not accept the client secret", "expires at"):
        assert sum(words in message for message in messages) == 1, messages
    first = messages[0]
    for words in (version("adobe-ims-operator"), "identity ", scene.namespace, "selector !elsewhere", "concurrency 7"):
        assert words in first
    events = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events")["items"]
    assert sorted(each["reason"] for each in events) == ["InvalidClient", "Rotated"]


def test_a_selector_splits_the_credentials(scene: Scene) -> None:
    scene.client_secret()
    scene.operator("--selector", "team=photos")
    scene.credential("theirs")
    scene.credential("ours")
    scene.patch("ours", {"metadata": {"labels": {"team": "photos"}}})
    scene.wait_ready("ours")
    assert scene.status("theirs") == UNREPORTED
    assert scene.ims.requests().total == 1


def test_the_log_tells_a_credential_that_left_the_selector_from_one_that_was_deleted(scene: Scene) -> None:
    scene.client_secret()
    scene.operator("--selector", "team=photos")
    for name in ("moved", "gone"):
        scene.credential(name)
        scene.patch(name, {"metadata": {"labels": {"team": "photos"}}})
        scene.wait_ready(name)
    scene.patch("moved", {"metadata": {"labels": {"team": "video"}}})
    left = f"{scene.namespace}/moved: no longer has the labels of the selector"
    wait_for("the log to say so", lambda: left in scene.log.read_text())
    scene.api.delete(scene.path("gone"))
    wait_for("the deletion", lambda: f"{scene.namespace}/gone: was deleted" in scene.log.read_text())
    assert f"{scene.namespace}/moved: was deleted" not in scene.log.read_text()


def test_a_proxy_for_the_outside_is_not_used_for_the_api_server(scene: Scene) -> None:
    scene.client_secret()
    scene.operator(environment={"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""})
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
